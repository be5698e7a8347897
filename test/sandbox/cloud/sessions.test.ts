import { RAMRoleARNCredentialsProvider, StaticAKCredentialsProvider } from '@alicloud/credentials';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CloudCredentials } from '../../../src/openapi/cloud-credentials.ts';
import { type Answer, callCloud, openSession, sessionOf } from './call-cloud.ts';
import { CloudEmulator } from './cloud-emulator.ts';
import { serviceAccountToken } from './service-account-token.ts';
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
});
afterEach(() => cloud.stop());

function call(action: string, query: Record<string, string>, credentials: CloudCredentials = pair): Promise<Answer> {
  return callCloud(cloud, { credentials, action, query });
}

describe('the Security Token Service', () => {
  /** The credentials package insists on https: its request goes to the emulator by this transport instead. */
  function throughEmulator(provider: RAMRoleARNCredentialsProvider): void {
    const doRequest = async (sent: { toRequestURL(): string; bodyForm: Record<string, string> }) => {
      const { search } = new URL(sent.toRequestURL());
      const response = await fetch(`${cloud.url}/${search}`, {
        method: 'POST',
        body: new URLSearchParams(sent.bodyForm),
      });
      return {
        statusCode: response.status,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(await response.arrayBuffer()),
      };
    };
    Object.assign(provider, { doRequest });
  }

  function assumeByClassicSignature(accessKeySecret: string) {
    const keys = StaticAKCredentialsProvider.builder()
      .withAccessKeyId(pair.accessKeyId)
      .withAccessKeySecret(accessKeySecret)
      .build();
    const provider = RAMRoleARNCredentialsProvider.builder()
      .withCredentialsProvider(keys)
      .withRoleArn(roleArn)
      .withRoleSessionName('a name (with) *signs*!')
      .build();
    throughEmulator(provider);
    return provider.getCredentials();
  }

  test('AssumeRole is served to the classic signature as the credentials package makes it', async () => {
    clock.advance(Date.now() - clock.now());
    cloud.addRole({ arn: roleArn });
    const { accessKeyId, accessKeySecret, securityToken } = await assumeByClassicSignature(pair.accessKeySecret);
    expect(await call('ListInstance', {}, { accessKeyId, accessKeySecret, securityToken })).toMatchObject({
      IsSuccess: true,
    });
  });

  test('a wrong secret under the classic signature is noticed', async () => {
    cloud.addRole({ arn: roleArn });
    await expect(assumeByClassicSignature('wrong')).rejects.toThrow();
    expect(cloud.calls).toMatchObject([{ action: 'AssumeRole', accessKeyId: pair.accessKeyId, status: 400 }]);
  });

  test('a session acts for the account of its role', async () => {
    cloud.addInstance({ ...instance, instanceId: 'cri-theirs', accountId: '2000000000000002' });
    expect(await call('GetAuthorizationToken', { InstanceId: 'cri-theirs' })).toMatchObject({ IsSuccess: false });
    cloud.addRole({ arn: roleArn });
    const keys = await openSession(cloud, pair, roleArn);
    expect(await call('GetAuthorizationToken', { InstanceId: 'cri-theirs' }, keys)).toMatchObject({ IsSuccess: true });
  });

  test('a root account, an unknown role and a duration out of range are refused', async () => {
    await expect(openSession(cloud, pair, roleArn)).rejects.toMatchObject({ code: 'EntityNotExist.Role' });
    cloud.addRole({ arn: roleArn });
    await expect(openSession(cloud, pair, roleArn, 60)).rejects.toMatchObject({
      code: 'InvalidParameter.DurationSeconds',
    });
    const root = { accessKeyId: 'LTAIroot', accessKeySecret: 'root-secret' };
    cloud.addAccount({ ...root, root: true });
    await expect(openSession(cloud, root, roleArn)).rejects.toMatchObject({ code: 'NoPermission' });
  });

  const oidcProviderArn = 'acs:ram::2000000000000002:oidc-provider/ack-rrsa';
  const subject = 'system:serviceaccount:kube-system:aliyun-acr-credential-helper';
  const claims = () => ({ aud: ['sts.aliyuncs.com'], sub: subject, exp: clock.now() / 1000 + 600 });

  function assumeRoleWithOidc(changed: object): Promise<Response> {
    cloud.addRole({ arn: roleArn, oidcProviderArn, subject });
    return fetch(`${cloud.url}/?Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON`, {
      method: 'POST',
      body: new URLSearchParams({
        OIDCProviderArn: oidcProviderArn,
        OIDCToken: serviceAccountToken({ ...claims(), ...changed }),
        RoleArn: roleArn,
        RoleSessionName: 'rrsa',
      }),
    });
  }

  test('AssumeRoleWithOIDC needs no signature and opens a session', async () => {
    const response = await assumeRoleWithOidc({});
    const { Credentials } = (await response.json()) as Answer;
    expect(Credentials.Expiration).toBe(new Date(clock.now() + 3_600_000).toISOString().replace('.000', ''));
    const keys = sessionOf(Credentials);
    expect(await call('ListInstance', {}, keys)).toMatchObject({ IsSuccess: true });
  });

  test.each([
    ['of another audience', { aud: 'kubernetes' }, 'AuthenticationFail.OIDCToken.AudienceNotMatch'],
    ['that is expired', { exp: 1 }, 'AuthenticationFail.OIDCToken.Expired'],
    ['of another subject', { sub: 'system:serviceaccount:default:x' }, 'AuthenticationFail.NoPermission'],
  ])('an OIDC token %s is refused', async (_, changed, code) => {
    const response = await assumeRoleWithOidc(changed);
    expect(await response.json()).toMatchObject({ Code: code });
  });
});

describe('the metadata service', () => {
  const regionPath = '/latest/meta-data/region-id';
  const rolesPath = '/latest/meta-data/ram/security-credentials/';

  async function metadataToken(seconds = '60'): Promise<string> {
    const headers = { 'x-aliyun-ecs-metadata-token-ttl-seconds': seconds };
    return (await fetch(`${cloud.url}/latest/api/token`, { method: 'PUT', headers })).text();
  }

  test('version 1 answers without a token, unless tokens are required', async () => {
    expect(await (await fetch(cloud.url + regionPath)).text()).toBe('cn-hangzhou');
    cloud.setNode({ tokens: 'required', regionId: 'us-west-1' });
    expect((await fetch(cloud.url + regionPath)).status).toBe(403);
    const headers = { 'x-aliyun-ecs-metadata-token': await metadataToken() };
    expect(await (await fetch(cloud.url + regionPath, { headers })).text()).toBe('us-west-1');
    clock.advance(60_000);
    expect((await fetch(cloud.url + regionPath, { headers })).status).toBe(403);
  });

  test('the role of the node gives a session that works', async () => {
    expect((await fetch(cloud.url + rolesPath)).status).toBe(404);
    cloud.setNode({ roleName: 'worker' });
    expect(await (await fetch(cloud.url + rolesPath)).text()).toBe('worker');
    const role = (await (await fetch(`${cloud.url}${rolesPath}worker`)).json()) as Answer['Credentials'] & {
      Code: string;
    };
    expect(role.Code).toBe('Success');
    const keys = sessionOf(role);
    expect(await call('ListInstance', {}, keys)).toMatchObject({ IsSuccess: true });
  });
});
