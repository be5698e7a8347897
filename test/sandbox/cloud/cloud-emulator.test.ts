import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CloudCredentials } from '../../../src/openapi/cloud-credentials.ts';
import { acs3Signature, canonicalRequest, sha256 } from './acs3-signature.ts';
import { type Answer, callCloud, openSession } from './call-cloud.ts';
import { CloudEmulator } from './cloud-emulator.ts';
import { cloudFaults } from './faults.ts';
import { ManualClock } from '../../fakes/manual-clock.ts';

const pair = { accessKeyId: 'LTAIemulated', accessKeySecret: 'the-account-secret' };
const instance = { instanceId: 'cri-1', regionId: 'cn-hangzhou', name: 'shop' };
const roleArn = 'acs:ram::2000000000000002:role/puller';

let clock: ManualClock;
let cloud: CloudEmulator;

beforeEach(async () => {
  clock = new ManualClock();
  cloud = await CloudEmulator.start({ clock });
  cloud.addAccount(pair);
  cloud.addInstance(instance);
});
afterEach(() => cloud.stop());

function call(action: string, query: Record<string, string>, credentials: CloudCredentials = pair): Promise<Answer> {
  return callCloud(cloud, { credentials, action, query });
}

function session(): Promise<CloudCredentials> {
  cloud.addRole({ arn: roleArn });
  return openSession(cloud, pair, roleArn);
}

describe('registry tokens', () => {
  test('every token is another one, lives as long as configured, and is known as live until then', async () => {
    cloud.tokenLifeMs = 5000;
    const first = await call('GetAuthorizationToken', { InstanceId: 'cri-1' });
    const second = await call('GetAuthorizationToken', { InstanceId: 'cri-1' });
    expect(first.AuthorizationToken).not.toBe(second.AuthorizationToken);
    expect(first.ExpireTime).toBe(clock.now() + 5000);
    expect(cloud.isLive(first.TempUsername, first.AuthorizationToken)).toBe(true);
    expect(cloud.isLive(first.TempUsername, 'guessed')).toBe(false);
    clock.advance(5000);
    expect(cloud.isLive(first.TempUsername, first.AuthorizationToken)).toBe(false);
    expect(cloud.issuedTokens.map(({ password }) => password)).toEqual([
      first.AuthorizationToken,
      second.AuthorizationToken,
    ]);
  });

  test('ExpiresInHours is honoured and its limits are kept', async () => {
    const token = await call('GetAuthorizationToken', { InstanceId: 'cri-1', ExpiresInHours: '24' });
    expect(token.ExpireTime).toBe(clock.now() + 24 * 3_600_000);
    expect(await call('GetAuthorizationToken', { InstanceId: 'cri-1', ExpiresInHours: '25' })).toMatchObject({
      IsSuccess: false,
    });
  });

  test('a token asked for by a session ends with it', async () => {
    const keys = await session();
    clock.advance(600_000);
    const token = await call('GetAuthorizationToken', { InstanceId: 'cri-1' }, keys);
    expect(token.ExpireTime).toBe(clock.now() + 300_000);
  });

  test('the tokens of an AccessKey can be ended, and those of others live on', async () => {
    const other = { accessKeyId: 'LTAIother', accessKeySecret: 'the-other-secret' };
    cloud.addAccount(other);
    const ended = await call('GetAuthorizationToken', { InstanceId: 'cri-1' });
    const kept = await call('GetAuthorizationToken', { InstanceId: 'cri-1' }, other);
    cloud.endTokens(pair.accessKeyId);
    expect(cloud.isLive(ended.TempUsername, ended.AuthorizationToken)).toBe(false);
    expect(cloud.isLive(kept.TempUsername, kept.AuthorizationToken)).toBe(true);
  });

  test('an instance of another account is unknown, and so is one that was removed', async () => {
    cloud.addInstance({ ...instance, instanceId: 'cri-other', accountId: '42' });
    const unknown = { IsSuccess: false, Code: 'INSTANCE_NOT_EXIST' };
    expect(await call('GetAuthorizationToken', { InstanceId: 'cri-other' })).toMatchObject(unknown);
    cloud.removeInstance('cri-1');
    expect(await call('ListInstanceEndpoint', { InstanceId: 'cri-1' })).toMatchObject(unknown);
  });
});

describe('instances', () => {
  test('an instance has a public and a VPC endpoint, and custom domains at the public one', async () => {
    cloud.addInstance({ ...instance, userDomains: ['images.example.com'] });
    const { Endpoints } = await call('ListInstanceEndpoint', { InstanceId: 'cri-1' });
    expect(Endpoints.map(({ EndpointType, Enable, Domains }) => ({ EndpointType, Enable, Domains }))).toEqual([
      {
        EndpointType: 'internet',
        Enable: true,
        Domains: [
          { Domain: 'shop-registry.cn-hangzhou.cr.aliyuncs.com', Type: 'SYSTEM' },
          { Domain: 'images.example.com', Type: 'USER' },
        ],
      },
      {
        EndpointType: 'vpc',
        Enable: true,
        Domains: [{ Domain: 'shop-registry-vpc.cn-hangzhou.cr.aliyuncs.com', Type: 'SYSTEM' }],
      },
    ]);
  });

  test('ListInstance pages through the instances of the account', async () => {
    cloud.addInstance({ ...instance, instanceId: 'cri-2' });
    const { Instances } = await call('ListInstance', { PageNo: '2', PageSize: '1' });
    expect(Instances).toMatchObject([{ InstanceId: 'cri-2', RegionId: 'cn-hangzhou' }]);
  });
});

describe('who may call', () => {
  test.each([
    ['an unknown AccessKey', { ...pair, accessKeyId: 'nobody' }, 'InvalidAccessKeyId.NotFound'],
    ['a wrong secret', { ...pair, accessKeySecret: 'wrong' }, 'SignatureDoesNotMatch'],
  ])('%s is refused', async (_, keys, code) => {
    await expect(call('GetAuthorizationToken', { InstanceId: 'cri-1' }, keys)).rejects.toMatchObject({ code });
  });

  test('a revoked key is unknown; a rotated one is replaced by one that works', async () => {
    const next = cloud.rotate(pair.accessKeyId);
    await expect(call('ListInstance', {})).rejects.toMatchObject({ code: 'InvalidAccessKeyId.NotFound' });
    expect(await call('ListInstance', {}, next)).toMatchObject({ IsSuccess: true });
    cloud.revoke(next.accessKeyId);
    await expect(call('ListInstance', {}, next)).rejects.toMatchObject({ code: 'InvalidAccessKeyId.NotFound' });
  });

  test('a session needs its own security token, and ends', async () => {
    const keys = await session();
    expect(await call('ListInstance', {}, keys)).toMatchObject({ IsSuccess: true });
    const { accessKeyId, accessKeySecret } = keys;
    await expect(call('ListInstance', {}, { accessKeyId, accessKeySecret })).rejects.toMatchObject({
      code: 'MissingSecurityToken',
    });
    await expect(call('ListInstance', {}, { ...keys, securityToken: 'another' })).rejects.toMatchObject({
      code: 'InvalidSecurityToken.Malformed',
    });
    clock.advance(900_000);
    await expect(call('ListInstance', {}, keys)).rejects.toMatchObject({ code: 'InvalidSecurityToken.Expired' });
  });

  /** A GetAuthorizationToken signed by hand; `tamper` changes it after that. */
  async function sendSigned(
    headers: Record<string, string> = {},
    tamper: { query?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Answer> {
    const signed: Record<string, string> = {
      host: new URL(cloud.url).host,
      'x-acs-action': 'GetAuthorizationToken',
      'x-acs-content-sha256': sha256(''),
      'x-acs-date': new Date().toISOString(),
      'x-acs-signature-nonce': randomUUID(),
      'x-acs-version': '2018-12-01',
      ...headers,
    };
    const names = Object.keys(signed).sort();
    const nothing = { body: Buffer.alloc(0), form: new Map<string, string>() };
    const query = new Map([['InstanceId', 'cri-1']]);
    const canonical = canonicalRequest({ method: 'POST', pathname: '/', headers: signed, query, ...nothing }, names);
    const signature = acs3Signature(canonical, pair.accessKeySecret);
    const scheme = `ACS3-HMAC-SHA256 Credential=${pair.accessKeyId},SignedHeaders=${names.join(';')}`;
    const sent = request(`${cloud.url}/?${tamper.query ?? 'InstanceId=cri-1'}`, {
      method: 'POST',
      headers: { ...signed, authorization: `${scheme},Signature=${signature}`, ...tamper.headers },
    });
    sent.end(tamper.body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return (await json(response)) as Answer;
  }

  test('a request signed by hand as the documentation says is served', async () => {
    expect(await sendSigned()).toMatchObject({ IsSuccess: true });
  });

  test.each([
    ['another parameter', { query: 'InstanceId=cri-2' }, 'SignatureDoesNotMatch'],
    ['another parameter beside', { query: 'InstanceId=cri-1&ExpiresInHours=24' }, 'SignatureDoesNotMatch'],
    ['another action', { headers: { 'x-acs-action': 'ListInstance' } }, 'SignatureDoesNotMatch'],
    ['an unsigned header', { headers: { 'x-acs-security-token': 'x' } }, 'IncompleteSignature'],
    ['a body', { body: 'x' }, 'IncompleteSignature'],
  ])('a request that got %s after it was signed is refused', async (_, tamper, code) => {
    expect(await sendSigned({}, tamper)).toMatchObject({ Code: code });
  });

  test('a request that was signed long ago is refused, and so is one that is sent again', async () => {
    const longAgo = new Date(Date.now() - 16 * 60_000).toISOString();
    expect(await sendSigned({ 'x-acs-date': longAgo })).toMatchObject({ Code: 'InvalidTimeStamp.Expired' });
    const nonce = { 'x-acs-signature-nonce': randomUUID() };
    expect(await sendSigned(nonce)).toMatchObject({ IsSuccess: true });
    expect(await sendSigned(nonce)).toMatchObject({ Code: 'SignatureNonceUsed' });
  });

  test("another region's host does not know the instance", async () => {
    expect(await sendSigned({ host: 'cr-vpc.cn-hangzhou.aliyuncs.com' })).toMatchObject({ IsSuccess: true });
    expect(await sendSigned({ host: 'cr.cn-beijing.aliyuncs.com' })).toMatchObject({ Code: 'rpc_invalid_arg' });
  });

  test.each([
    ['nothing', {}, 'IncompleteSignature'],
    ['another scheme', { authorization: 'Bearer x' }, 'IncompleteSignature'],
  ])('a request signed with %s is refused', async (_, headers, code) => {
    const response = await fetch(`${cloud.url}/?InstanceId=cri-1`, {
      method: 'POST',
      headers: { 'x-acs-action': 'GetAuthorizationToken', 'x-acs-version': '2018-12-01', ...headers },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ Code: code });
  });

  test('another version of the API is not found', async () => {
    const call2020 = callCloud(cloud, { credentials: pair, action: 'ListInstance', version: '2020-01-01' });
    await expect(call2020).rejects.toMatchObject({
      code: 'InvalidAction.NotFound',
    });
  });
});

describe('what a test can see and do', () => {
  test('every call is on record, in order, with what it was answered', async () => {
    await call('GetAuthorizationToken', { InstanceId: 'cri-1' });
    await call('ListInstance', {}, { ...pair, accessKeyId: 'nobody' }).catch(() => undefined);
    const host = new URL(cloud.url).host;
    const common = { version: '2018-12-01', host, securityToken: '', at: clock.now() };
    expect(cloud.calls).toEqual([
      {
        ...common,
        action: 'GetAuthorizationToken',
        instanceId: 'cri-1',
        parameters: { InstanceId: 'cri-1' },
        pathAndQuery: '/?InstanceId=cri-1',
        accessKeyId: pair.accessKeyId,
        status: 200,
      },
      {
        ...common,
        action: 'ListInstance',
        instanceId: '',
        parameters: {},
        pathAndQuery: '/',
        accessKeyId: 'nobody',
        status: 404,
      },
    ]);
  });

  test('the secrets hold keys, session tokens, passwords and signatures, also those long gone', async () => {
    const keys = await session();
    const token = await call('GetAuthorizationToken', { InstanceId: 'cri-1' }, keys);
    const next = cloud.rotate(pair.accessKeyId);
    const auth = Buffer.from(`${token.TempUsername}:${token.AuthorizationToken}`).toString('base64');
    expect(cloud.secrets()).toEqual(
      expect.arrayContaining([
        pair.accessKeySecret,
        next.accessKeySecret,
        keys.accessKeySecret,
        keys.securityToken,
        token.AuthorizationToken,
        auth,
        expect.stringMatching(/^[0-9a-f]{64}$/),
      ]),
    );
    expect(cloud.secrets()).not.toContain('cr_temp_user');
  });

  test('a fault meets the calls in its scope, as often as it should, and can be taken back', async () => {
    cloud.addInstance({ ...instance, instanceId: 'cri-2' });
    const unavailable = { code: 'ServiceUnavailable' };
    cloud.faults.add(cloudFaults.serviceUnavailable, { instanceId: 'cri-1', times: 1 });
    expect(await call('GetAuthorizationToken', { InstanceId: 'cri-2' })).toMatchObject({ IsSuccess: true });
    await expect(call('GetAuthorizationToken', { InstanceId: 'cri-1' })).rejects.toMatchObject(unavailable);
    expect(await call('GetAuthorizationToken', { InstanceId: 'cri-1' })).toMatchObject({ IsSuccess: true });

    const takeBack = cloud.faults.add(cloudFaults.serviceUnavailable, { action: 'ListInstance' });
    await expect(call('ListInstance', {})).rejects.toMatchObject(unavailable);
    await expect(call('ListInstance', {})).rejects.toMatchObject(unavailable);
    takeBack();
    expect(await call('ListInstance', {})).toMatchObject({ IsSuccess: true });
  });

  test('it stops while a call is still waiting for its answer', async () => {
    cloud.faults.add(cloudFaults.hang);
    const waiting = call('ListInstance', {}).then(
      () => 'answered',
      () => 'broken off',
    );
    await expect.poll(() => cloud.calls.length).toBe(1);
    await cloud.stop();
    expect(await waiting).toBe('broken off');
  });
});
