import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CloudApiError } from '../../src/errors.ts';
import { OpenApiStsClient, type OpenApiStsClientOptions } from '../../src/identity/sts-client.ts';
import { callCloud, openSession } from '../sandbox/cloud/call-cloud.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { cloudFaults, type Fault } from '../sandbox/cloud/faults.ts';
import type { EmulatedRole } from '../sandbox/cloud/identity-store.ts';
import { serviceAccountToken } from '../sandbox/cloud/service-account-token.ts';

const pair = { accessKeyId: 'LTAIemulated', accessKeySecret: 'the-account-secret' };
const signal = new AbortController().signal;
const roleArn = 'acs:ram::2000000000000002:role/puller';
const oidcProviderArn = 'acs:ram::2000000000000002:oidc-provider/ack-rrsa-c1';
const subject = 'system:serviceaccount:kube-system:aliyun-acr-credential-helper';
const role = { roleArn, durationSeconds: 1800 };

let cloud: CloudEmulator;
let requests: string[];

beforeEach(async () => {
  requests = [];
  cloud = await CloudEmulator.start();
  cloud.addAccount(pair);
});
afterEach(() => cloud.stop());

function clientWith(options: Partial<OpenApiStsClientOptions> = {}): OpenApiStsClient {
  return new OpenApiStsClient({
    endpoint: new URL(cloud.url),
    region: () => Promise.reject(new Error('nobody needs a region')),
    onRequest: (action, result) => requests.push(`${action} ${result}`),
    ...options,
  });
}

function addRole(options: Partial<EmulatedRole> = {}): void {
  cloud.addRole({ arn: roleArn, oidcProviderArn, subject, ...options });
}

function tokenWith(claims: object = {}): string {
  const exp = Math.floor(Date.now() / 1000) + 600;
  return serviceAccountToken({ aud: ['sts.aliyuncs.com'], sub: subject, exp, ...claims });
}

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

const assume = (client = clientWith()) => client.assumeRole(role, pair, signal);
const assumeWithOidc = (client = clientWith(), token = tokenWith()) =>
  client.assumeRoleWithOidc({ ...role, oidcProviderArn }, token, signal);

describe('a session', () => {
  test('of AssumeRole is asked for with role and duration in the signed query, and works', async () => {
    addRole();
    const before = Date.now();
    const session = await assume();
    expect(session.expiresAt).toBeGreaterThanOrEqual(before + 1_799_000);
    expect(session.expiresAt).toBeLessThanOrEqual(Date.now() + 1_800_000);
    expect(cloud.calls).toMatchObject([
      {
        action: 'AssumeRole',
        version: '2015-04-01',
        accessKeyId: pair.accessKeyId,
        securityToken: '',
        parameters: { RoleArn: roleArn, DurationSeconds: '1800', RoleSessionName: 'acr-credential-injector' },
        status: 200,
      },
    ]);
    expect(await callCloud(cloud, { credentials: session, action: 'ListInstance' })).toMatchObject({ IsSuccess: true });
    expect(requests).toEqual(['AssumeRole success']);
  });

  test('of AssumeRole may be asked for by a session, which sends its security token', async () => {
    addRole();
    const base = await openSession(cloud, pair, roleArn);
    await clientWith().assumeRole(role, base, signal);
    expect(cloud.calls.at(-1)).toMatchObject({
      accessKeyId: base.accessKeyId,
      securityToken: base.securityToken,
      status: 200,
    });
  });

  test('of AssumeRoleWithOIDC is asked for unsigned, with the token in the body', async () => {
    addRole();
    const token = tokenWith();
    const session = await assumeWithOidc(clientWith(), token);
    expect(cloud.calls).toMatchObject([
      {
        action: 'AssumeRoleWithOIDC',
        version: '2015-04-01',
        accessKeyId: '',
        parameters: {
          RoleArn: roleArn,
          OIDCProviderArn: oidcProviderArn,
          OIDCToken: token,
          DurationSeconds: '1800',
          RoleSessionName: 'acr-credential-injector',
        },
        pathAndQuery: '/',
      },
    ]);
    expect(await callCloud(cloud, { credentials: session, action: 'ListInstance' })).toMatchObject({ IsSuccess: true });
    expect(requests).toEqual(['AssumeRoleWithOIDC success']);
  });
});

interface Expected {
  code: string;
  says: string;
  retryable?: boolean;
}

describe('what AssumeRole refuses', () => {
  const cases: [string, () => void, Expected][] = [
    ['an unknown role', () => undefined, { code: 'EntityNotExist.Role', says: 'correct assumeRoleARN' }],
    [
      'a root account',
      () => {
        addRole();
        cloud.addAccount({ ...pair, root: true });
      },
      { code: 'NoPermission', says: 'root account can assume no role' },
    ],
    [
      'a caller whom the role does not trust',
      () => addRole({ trusts: ['3000000000000003'] }),
      { code: 'NoPermission', says: "name it in the role's trust policy and grant it sts:AssumeRole" },
    ],
    [
      'a session longer than the role allows',
      () => addRole({ maxSessionSeconds: 900 }),
      { code: 'InvalidParameter.DurationSeconds', says: 'lower expireDuration' },
    ],
    [
      'an AccessKey that is gone',
      () => cloud.revoke(pair.accessKeyId),
      { code: 'InvalidAccessKeyId.NotFound', says: 'supply a valid AccessKey pair' },
    ],
  ];

  test.each(cases)('%s, it says so and what to do', async (_, prepare, { code, says }) => {
    prepare();
    const error = await failureOf(assume());
    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toMatch(/^AssumeRole of acs:ram::2000000000000002:role\/puller failed: /);
    expect(error.message).toContain(says);
    expect(requests).toEqual([`AssumeRole ${code}`]);
  });

  test.each<[string, Fault, Expected]>([
    ['throttling', cloudFaults.throttling(2000), { code: 'Throttling.User', says: 'fewer requests', retryable: true }],
    ['a service that is down', cloudFaults.serviceUnavailable, { code: 'ServiceUnavailable', says: 'unavailable' }],
    ['an HTML page', cloudFaults.htmlError, { code: 'InvalidResponse', says: 'proxy' }],
    [
      'no session',
      { kind: 'answer', status: 200, body: { Credentials: {} } },
      { code: 'InvalidResponse', says: 'no session' },
    ],
    ['null', cloudFaults.nothing, { code: 'InvalidResponse', says: 'no session' }],
    ['a reset', cloudFaults.reset, { code: 'Unreachable', says: 'ECONNRESET' }],
    ['no answer', cloudFaults.hang, { code: 'Timeout', says: 'within 150 ms' }],
  ])('%s passes, and is told', async (_, fault, { code, says }) => {
    addRole();
    cloud.faults.add(fault);
    const error = await failureOf(assume(clientWith({ timeoutMs: code === 'Timeout' ? 150 : 10_000 })));
    expect(error).toMatchObject({ code, retryable: true });
    expect(error.message).toContain(says);
    expect(cloud.calls).toHaveLength(1);
  });
});

describe('what AssumeRoleWithOIDC refuses', () => {
  test.each<[string, object, Partial<EmulatedRole>, Expected]>([
    [
      'a token that is over',
      { exp: 1 },
      {},
      { code: 'AuthenticationFail.OIDCToken.Expired', says: 'kubelet renews it' },
    ],
    [
      'a token for another audience',
      { aud: 'kubernetes' },
      {},
      { code: 'AuthenticationFail.OIDCToken.AudienceNotMatch', says: 'audience sts.aliyuncs.com' },
    ],
    [
      "another ServiceAccount's token",
      { sub: 'system:serviceaccount:default:x' },
      {},
      { code: 'AuthenticationFail.NoPermission', says: "name it as oidc:sub in the role's trust policy" },
    ],
    [
      'a role that trusts another provider',
      {},
      { oidcProviderArn: `${oidcProviderArn}-other` },
      { code: 'AuthenticationFail.NoPermission', says: 'correct rrsaOIDCProviderRoleARN' },
    ],
    [
      'a session longer than the role allows',
      {},
      { maxSessionSeconds: 900 },
      { code: 'InvalidParameter.DurationSeconds', says: 'lower expireDuration' },
    ],
  ])('%s, it says so and what to do', async (_, claims, options, { code, says }) => {
    addRole(options);
    const error = await failureOf(assumeWithOidc(clientWith(), tokenWith(claims)));
    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toContain(says);
  });

  test('an unknown role, it names the field of the configuration', async () => {
    const error = await failureOf(assumeWithOidc());
    expect(error.code).toBe('EntityNotExist.Role');
    expect(error.message).toContain('correct rrsaRoleARN');
  });

  test('what is no token, it does not repeat it', async () => {
    addRole();
    const error = await failureOf(assumeWithOidc(clientWith(), 'no-token-but-a-secret'));
    expect(error.code).toBe('AuthenticationFail.OIDCToken.Invalid');
    expect(error.message).toContain('enable RRSA');
  });
});

describe('where calls go', () => {
  test("to the region's host, which is looked for anew when it cannot be reached", async () => {
    addRole();
    const asked: string[] = [];
    const endpoints = {
      endpointOf: (regionId: string) => {
        asked.push(regionId);
        return Promise.resolve(new URL(cloud.url));
      },
      forget: (regionId: string) => void asked.push(`forget ${regionId}`),
    };
    const client = clientWith({ endpoint: undefined, endpoints, region: () => Promise.resolve('cn-hangzhou') });
    await assume(client);
    cloud.faults.add(cloudFaults.reset);
    await failureOf(assume(client));
    expect(asked).toEqual(['cn-hangzhou', 'cn-hangzhou', 'forget cn-hangzhou']);
  });

  test('nowhere once the caller has given up', async () => {
    addRole();
    cloud.faults.add(cloudFaults.hang);
    const giveUp = new AbortController();
    const call = clientWith().assumeRole(role, pair, giveUp.signal);
    await expect.poll(() => cloud.calls.length).toBe(1);
    giveUp.abort(new Error('shutting down'));
    await expect(call).rejects.toThrow('shutting down');
    expect(requests).toEqual([]);
  });
});
