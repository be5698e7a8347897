import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CloudApiError } from '../../src/errors.ts';
import type { CloudCredentials } from '../../src/openapi/cloud-credentials.ts';
import { OpenApiAcrClient, type OpenApiAcrClientOptions } from '../../src/registry/acr-client.ts';
import { openSession } from '../sandbox/cloud/call-cloud.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { cloudFaults, type Fault } from '../sandbox/cloud/faults.ts';

const credentials = { accessKeyId: 'LTAIemulated', accessKeySecret: 'the-account-secret' };
const target = { instanceId: 'cri-1', regionId: 'cn-hangzhou' };
const personal = { regionId: 'cn-hangzhou' };
const signal = new AbortController().signal;

let cloud: CloudEmulator;
let requests: string[];

beforeEach(async () => {
  requests = [];
  cloud = await CloudEmulator.start();
  cloud.addAccount(credentials);
  cloud.addInstance({ ...target, name: 'shop', userDomains: ['images.example.com'] });
});
afterEach(() => cloud.stop());

function clientWith(options: OpenApiAcrClientOptions = {}): OpenApiAcrClient {
  return new OpenApiAcrClient({
    endpoint: new URL(cloud.url),
    onRequest: (action, result) => requests.push(`${action} ${result}`),
    ...options,
  });
}

/** What the call throws, and proof that no secret is in it. */
async function failureOf(call: Promise<unknown>): Promise<CloudApiError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CloudApiError)) throw new Error('no CloudApiError', { cause: error });
  expect(error.cause).toBeUndefined();
  const everything = `${error.message} ${error.stack ?? ''} ${JSON.stringify(error)}`;
  for (const secret of cloud.secrets()) expect(everything).not.toContain(secret);
  expect(error.message).not.toContain('\n');
  return error;
}

describe('what works', () => {
  test('a token of an Enterprise instance is fetched with one request', async () => {
    const token = await clientWith().authorizationToken(target, credentials, signal);
    const [issued] = cloud.issuedTokens;
    expect(token).toEqual({
      username: issued?.username,
      password: issued?.password,
      expiresAt: issued?.expiresAt,
    });
    expect(cloud.isLive(token.username, token.password)).toBe(true);
    expect(cloud.calls).toMatchObject([
      { action: 'GetAuthorizationToken', version: '2018-12-01', instanceId: 'cri-1', status: 200 },
    ]);
    expect(requests).toEqual(['GetAuthorizationToken success']);
  });

  test.each([personal, { ...personal, instanceId: '' }])(
    'a Personal token is fetched by the 2016 API: %j',
    async (of) => {
      cloud.personal('cn-hangzhou');
      const token = await clientWith({ apiVersion: () => '2018-12-01' }).authorizationToken(of, credentials, signal);
      expect(cloud.isLive(token.username, token.password)).toBe(true);
      expect(cloud.calls).toMatchObject([{ version: '2016-06-07', instanceId: '' }]);
    },
  );

  test('a session signs with its security token, and its registry token ends with it', async () => {
    const roleArn = 'acs:ram::1000000000000001:role/puller';
    cloud.addRole({ arn: roleArn });
    const session = await openSession(cloud, credentials, roleArn);
    const before = Date.now();
    const { expiresAt } = await clientWith().authorizationToken(target, session, signal);
    expect(expiresAt).toBeLessThanOrEqual(before + 900_000);
  });

  test('the domains of every endpoint that is on are listed, custom ones too', async () => {
    expect(await clientWith().instanceDomains(target, credentials, signal)).toEqual([
      'images.example.com',
      'shop-registry-vpc.cn-hangzhou.cr.aliyuncs.com',
      'shop-registry.cn-hangzhou.cr.aliyuncs.com',
    ]);
    const system = (domain: string) => [{ domain, type: 'SYSTEM' as const }];
    cloud.addInstance({
      ...target,
      name: 'shop',
      endpoints: [
        { type: 'internet', enabled: false, domains: system('public.example.com') },
        { type: 'vpc', domains: system('vpc.example.com') },
      ],
    });
    expect(await clientWith().instanceDomains(target, credentials, signal)).toEqual(['vpc.example.com']);
  });

  test('the configured version of the Enterprise API is asked for', async () => {
    const error = await failureOf(
      clientWith({ apiVersion: () => '2020-01-01' }).authorizationToken(target, credentials, signal),
    );
    expect(error.message).toContain('set acr-api-version to 2018-12-01');
    expect(cloud.calls).toMatchObject([{ version: '2020-01-01' }]);
  });

  test('credentials are taken anew for every call', async () => {
    const client = clientWith();
    await client.authorizationToken(target, credentials, signal);
    const next = cloud.rotate(credentials.accessKeyId);
    await client.authorizationToken(target, next, signal);
    expect(await failureOf(client.authorizationToken(target, credentials, signal))).toMatchObject({
      code: 'InvalidAccessKeyId.NotFound',
    });
  });
});

describe('what the cloud refuses', () => {
  interface Expected {
    code: string;
    retryable: boolean;
    says: string;
  }
  const no = false;
  const cases: [string, Fault, Expected][] = [
    [
      'an unknown instance under HTTP 200',
      cloudFaults.instanceNotExist,
      { code: 'INSTANCE_NOT_EXIST', retryable: no, says: 'no instance cri-1 in region cn-hangzhou' },
    ],
    ['another failure under HTTP 200', cloudFaults.failure('ODD'), { code: 'ODD', retryable: no, says: 'ODD' }],
    [
      'a missing permission',
      cloudFaults.forbiddenRam,
      { code: 'Forbidden.RAM', retryable: no, says: 'cr:GetAuthorizationToken, cr:ListInstanceEndpoint' },
    ],
    [
      'a missing permission, by its other name',
      cloudFaults.noPermission,
      { code: 'NoPermission', retryable: no, says: 'cr:PullRepository' },
    ],
    [
      'an unknown AccessKey',
      cloudFaults.invalidAccessKeyId,
      { code: 'InvalidAccessKeyId.NotFound', retryable: no, says: 'AccessKey ID is unknown' },
    ],
    [
      'a wrong signature',
      cloudFaults.signatureDoesNotMatch,
      { code: 'SignatureDoesNotMatch', retryable: no, says: 'secret does not belong' },
    ],
    [
      'an expired session',
      cloudFaults.securityTokenExpired,
      { code: 'InvalidSecurityToken.Expired', retryable: true, says: 'session' },
    ],
    ['the wrong region', cloudFaults.wrongRegion, { code: 'rpc_invalid_arg', retryable: no, says: 'correct regionId' }],
    [
      'an identity unknown to the Personal Edition',
      cloudFaults.userNotExist,
      { code: 'USER_NOT_EXIST', retryable: no, says: 'registry password' },
    ],
    [
      'a service that is down',
      cloudFaults.serviceUnavailable,
      { code: 'ServiceUnavailable', retryable: true, says: 'unavailable for now' },
    ],
    ['an HTML page', cloudFaults.htmlError, { code: 'InvalidResponse', retryable: true, says: 'proxy' }],
    ['half a JSON text', cloudFaults.nonsense, { code: 'InvalidResponse', retryable: true, says: 'did not answer' }],
    ['null', cloudFaults.nothing, { code: 'InvalidResponse', retryable: true, says: 'no JSON object' }],
    ['an empty token', cloudFaults.emptyToken, { code: 'InvalidResponse', retryable: true, says: 'token is empty' }],
    ['a token of the past', cloudFaults.expiredToken, { code: 'InvalidResponse', retryable: true, says: 'expired' }],
    ['a connection reset', cloudFaults.reset, { code: 'Unreachable', retryable: true, says: 'ECONNRESET' }],
    ['no answer', cloudFaults.hang, { code: 'Timeout', retryable: true, says: 'within 150 ms' }],
    ['half an answer', cloudFaults.stall, { code: 'Timeout', retryable: true, says: 'within 150 ms' }],
    ['a late answer', cloudFaults.slow(400), { code: 'Timeout', retryable: true, says: 'within 150 ms' }],
  ];

  /** Only what is about a time limit waits for one. */
  function clientFor({ code }: Expected): OpenApiAcrClient {
    return clientWith({ timeoutMs: code === 'Timeout' ? 150 : 10_000 });
  }

  test.each(cases)('%s is told by its code, in words, and not tried again', async (_, fault, expected) => {
    cloud.faults.add(fault);
    cloud.personal('cn-hangzhou');
    const call = clientFor(expected).authorizationToken(target, credentials, signal);
    const error = await failureOf(call);
    expect(error).toMatchObject({ code: expected.code, retryable: expected.retryable });
    expect(error.message).toContain(expected.says);
    expect(requests).toEqual([`GetAuthorizationToken ${expected.code}`]);
    expect(cloud.calls).toHaveLength(1);
  });

  test.each(cases)('in the Personal Edition too: %s', async (_, fault, expected) => {
    cloud.faults.add(fault);
    cloud.personal('cn-hangzhou');
    const call = clientFor(expected).authorizationToken(personal, credentials, signal);
    // The 2016 API knows no IsSuccess: such a body is no answer of it.
    const code = fault.kind === 'answer' && fault.status === 200 ? 'InvalidResponse' : expected.code;
    expect(await failureOf(call)).toMatchObject({ code });
  });

  test.each([personal, { ...personal, instanceId: '' }])(
    'the Personal Edition is called by its name: %j',
    async (of) => {
      const error = await failureOf(clientWith().authorizationToken(of, credentials, signal));
      expect(error.code).toBe('USER_NOT_EXIST');
      expect(error.message).toContain('for the Personal Edition in cn-hangzhou');
    },
  );

  test('throttling carries how long to wait', async () => {
    cloud.faults.add(cloudFaults.throttling(1500));
    const error = await failureOf(clientWith().authorizationToken(target, credentials, signal));
    expect(error).toMatchObject({ code: 'Throttling.User', retryable: true, retryAfterMs: 1500 });
  });

  test('a code that nobody foresaw is told with what the cloud says, without secrets and in one line', async () => {
    const leak = `odd ${credentials.accessKeySecret}\nand ${'A'.repeat(64)} ${'long '.repeat(100)}`;
    const body = { Code: 'Odd.Code', Message: leak, RequestId: 'R-1' };
    cloud.faults.add({ kind: 'answer', status: 409, body });
    const error = await failureOf(clientWith().authorizationToken(target, credentials, signal));
    expect(error.message).toContain('the cloud says: odd [redacted] and [redacted] long');
    expect(error.message).toContain('(Odd.Code, HTTP 409, request R-1)');
    expect(error.message.length).toBeLessThan(400);
  });

  test('an error without a code is an answer that cannot be used', async () => {
    cloud.faults.add({ kind: 'answer', status: 500, body: {} });
    const error = await failureOf(clientWith().authorizationToken(target, credentials, signal));
    expect(error).toMatchObject({ code: 'InvalidResponse', retryable: true });
    expect(error.message).not.toContain('undefined');
  });

  const wrong: [string, CloudCredentials, string][] = [
    ['a wrong secret', { ...credentials, accessKeySecret: 'not-the-secret' }, 'SignatureDoesNotMatch'],
    ['a wrong ID', { ...credentials, accessKeyId: 'LTAInobody' }, 'InvalidAccessKeyId.NotFound'],
  ];
  test.each(wrong)('%s is told for what it is, though the cloud echoes what was signed', async (_, keys, code) => {
    expect(await failureOf(clientWith().authorizationToken(target, keys, signal))).toMatchObject({ code });
  });

  test('a session with a foreign security token leaks none of its parts', async () => {
    cloud.addRole({ arn: 'acs:ram::1000000000000001:role/puller' });
    const session = await openSession(cloud, credentials, 'acs:ram::1000000000000001:role/puller');
    const damaged = { ...session, accessKeySecret: 'not-the-secret' };
    const error = await failureOf(clientWith().authorizationToken(target, damaged, signal));
    expect(error).toMatchObject({ code: 'SignatureDoesNotMatch' });
  });

  test('an instance with everything switched off has no domains', async () => {
    cloud.addInstance({ ...target, name: 'shop', endpoints: [{ type: 'vpc', enabled: false, domains: [] }] });
    const error = await failureOf(clientWith().instanceDomains(target, credentials, signal));
    expect(error).toMatchObject({ code: 'NoDomains', retryable: false });
    expect(requests).toEqual(['ListInstanceEndpoint NoDomains']);
  });
});

describe('what does not reach the cloud', () => {
  test('nobody listening is told as unreachable, and the endpoint is looked for anew', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const forgotten: string[] = [];
    const endpoints = {
      endpointOf: () => Promise.resolve(new URL(`http://127.0.0.1:${port}`)),
      forget: (regionId: string) => void forgotten.push(regionId),
    };
    const client = new OpenApiAcrClient({ endpoints });
    const error = await failureOf(client.authorizationToken(target, credentials, signal));
    expect(error).toMatchObject({ code: 'Unreachable', retryable: true });
    expect(error.message).toContain('ECONNREFUSED');
    expect(forgotten).toEqual(['cn-hangzhou']);
  });

  test('a refusal by the cloud proves that it was reached', async () => {
    cloud.faults.add(cloudFaults.serviceUnavailable);
    const forgotten: string[] = [];
    const endpoints = {
      endpointOf: () => Promise.resolve(new URL(cloud.url)),
      forget: (regionId: string) => void forgotten.push(regionId),
    };
    await failureOf(new OpenApiAcrClient({ endpoints }).authorizationToken(target, credentials, signal));
    expect(forgotten).toEqual([]);
  });

  test('a region that is none is refused before anything is sent', async () => {
    const call = clientWith().authorizationToken({ ...target, regionId: 'evil.com/' }, credentials, signal);
    expect(await failureOf(call)).toMatchObject({ code: 'InvalidRegion', retryable: false });
    expect(cloud.calls).toEqual([]);
  });

  test('a caller who gives up is not kept waiting, and gets his own reason', async () => {
    cloud.faults.add(cloudFaults.hang);
    const giveUp = new AbortController();
    const call = clientWith().authorizationToken(target, credentials, giveUp.signal);
    await expect.poll(() => cloud.calls.length).toBe(1);
    giveUp.abort(new Error('shutting down'));
    await expect(call).rejects.toThrow('shutting down');
    await expect(clientWith().authorizationToken(target, credentials, giveUp.signal)).rejects.toThrow('shutting down');
    expect(cloud.calls).toHaveLength(1);
  });
});
