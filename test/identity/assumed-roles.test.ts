import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AssumedRole } from '../../src/identity/assumed-role.ts';
import { entryAccessKey } from '../../src/identity/access-key-provider.ts';
import type { CredentialsProvider } from '../../src/identity/credentials-provider.ts';
import { ManagedRole } from '../../src/identity/managed-role.ts';
import { MetadataService } from '../../src/identity/metadata-service.ts';
import { RrsaRole, rrsaTokenFile } from '../../src/identity/rrsa-role.ts';
import { OpenApiStsClient } from '../../src/identity/sts-client.ts';
import { WorkerRole } from '../../src/identity/worker-role.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { callCloud } from '../sandbox/cloud/call-cloud.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { cloudFaults } from '../sandbox/cloud/faults.ts';
import { serviceAccountToken } from '../sandbox/cloud/service-account-token.ts';

const signal = new AbortController().signal;
const minuteMs = 60_000;
const pair = { accessKeyId: 'LTAIemulated', accessKeySecret: 'the-account-secret' };
const roleArn = 'acs:ram::2000000000000002:role/puller';
const rrsaRoleArn = 'acs:ram::1000000000000001:role/rrsa';
const oidcProviderArn = 'acs:ram::1000000000000001:oidc-provider/ack-rrsa-c1';

let clock: ManualClock;
let cloud: CloudEmulator;
let sts: OpenApiStsClient;
let folder: string;
let notRenewed: string[];
const onNotRenewed = (source: string) => void notRenewed.push(source);

beforeEach(async () => {
  clock = new ManualClock();
  cloud = await CloudEmulator.start({ clock });
  cloud.addAccount(pair);
  cloud.addRole({ arn: roleArn });
  cloud.addRole({ arn: rrsaRoleArn, oidcProviderArn });
  sts = new OpenApiStsClient({ endpoint: new URL(cloud.url), region: () => Promise.reject(new Error('no region')) });
  folder = await mkdtemp(join(tmpdir(), 'assumed-roles-'));
  notRenewed = [];
});
afterEach(async () => {
  await cloud.stop();
  await rm(folder, { recursive: true });
});

async function projectToken(lifeMs = 60 * minuteMs): Promise<string> {
  const exp = Math.floor((clock.now() + lifeMs) / 1000);
  const token = serviceAccountToken({ aud: ['sts.aliyuncs.com'], sub: 'system:serviceaccount:kube-system:acr', exp });
  await writeFile(join(folder, 'token'), `${token}\n`);
  return token;
}

function rrsaRole(options: Partial<ConstructorParameters<typeof RrsaRole>[0]> = {}): RrsaRole {
  const tokenFile = join(folder, 'token');
  const role = { roleArn: rrsaRoleArn, oidcProviderArn, durationSeconds: 3600 };
  return new RrsaRole({ ...role, tokenFile, sts, clock, onNotRenewed, ...options });
}

function assumedBy(base: CredentialsProvider, durationSeconds = 900): AssumedRole {
  return new AssumedRole({ base, role: { roleArn, durationSeconds }, sts, clock, onNotRenewed });
}

const accessKey = () => entryAccessKey({ id: pair.accessKeyId, secret: pair.accessKeySecret });
const ask = (provider: CredentialsProvider, forMs = minuteMs) => provider.credentials(clock.now() + forMs, signal);
const actions = () => cloud.calls.map(({ action }) => action);

describe('RRSA', () => {
  test('sends the projected token, and the session works', async () => {
    const token = await projectToken();
    const credentials = await ask(rrsaRole({ durationSeconds: 1200 }));
    expect(credentials.expiresAt).toBe(clock.now() + 20 * minuteMs);
    expect(cloud.calls[0]?.parameters).toMatchObject({
      RoleArn: rrsaRoleArn,
      OIDCProviderArn: oidcProviderArn,
      OIDCToken: token,
      DurationSeconds: '1200',
    });
    expect(await callCloud(cloud, { credentials, action: 'ListInstance' })).toMatchObject({ IsSuccess: true });
  });

  test('reads the file anew for each session', async () => {
    const role = rrsaRole();
    await projectToken();
    await ask(role);
    clock.advance(59.5 * minuteMs);
    const renewed = await projectToken();
    await ask(role);
    expect(cloud.calls.map(({ parameters }) => parameters.OIDCToken)).toEqual([expect.any(String), renewed]);
  });

  test('serves its session on while kubelet leaves an old token there', async () => {
    const role = rrsaRole();
    await projectToken();
    const first = await ask(role);
    await projectToken(-minuteMs);
    clock.advance(59.5 * minuteMs);
    expect(await ask(role)).toEqual(first);
    expect(notRenewed).toEqual([`RRSA role ${rrsaRoleArn}`]);
    clock.advance(minuteMs);
    await expect(ask(role)).rejects.toMatchObject({ code: 'AuthenticationFail.OIDCToken.Expired' });
  });

  test('without a token, or with an empty one, says which file must have one', async () => {
    const file = join(folder, 'token');
    await expect(ask(rrsaRole())).rejects.toMatchObject({
      code: 'RrsaTokenMissing',
      message:
        `no ServiceAccount token in ${file} (ENOENT): mount one with the audience sts.aliyuncs.com there, ` +
        'or name its file in ALIBABA_CLOUD_OIDC_TOKEN_FILE',
    });
    await writeFile(file, '\n');
    await expect(ask(rrsaRole())).rejects.toMatchObject({ code: 'RrsaTokenMissing' });
    expect(cloud.calls).toEqual([]);
  });

  test('for an entry that names no role or no provider says so', async () => {
    await projectToken();
    const code = 'RrsaRoleUnconfigured';
    await expect(ask(rrsaRole({ roleArn: undefined }))).rejects.toMatchObject({ code });
    await expect(ask(rrsaRole({ oidcProviderArn: undefined }))).rejects.toMatchObject({ code });
  });

  test('finds the file where the environment says, or where ACK mounts it', () => {
    expect(rrsaTokenFile({ ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/x/token' })).toBe('/x/token');
    expect(rrsaTokenFile({ ALIBABA_CLOUD_OIDC_TOKEN_FILE: '' })).toBe(rrsaTokenFile({}));
    expect(rrsaTokenFile({})).toBe('/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token');
  });
});

describe('a role assumed on top of', () => {
  const bases: [string, () => Promise<CredentialsProvider>, string | undefined][] = [
    ['an AccessKey', () => Promise.resolve(accessKey()), pair.accessKeyId],
    [
      "the node's role",
      () => {
        cloud.setNode({ roleName: 'worker' });
        const metadata = new MetadataService({ endpoint: new URL(cloud.url) });
        return Promise.resolve(new WorkerRole({ metadata, clock, onNotRenewed }));
      },
      undefined,
    ],
    [
      "the cluster's role",
      async () => {
        const file = join(folder, 'token-config');
        await writeFile(file, cloud.managedToken());
        return new ManagedRole({ file, clock, onNotRenewed });
      },
      undefined,
    ],
    [
      'an RRSA role',
      async () => {
        await projectToken();
        return rrsaRole();
      },
      undefined,
    ],
  ];

  test.each(bases)('%s is asked for by that, and acts for its own account', async (_, makeBase, accessKeyId) => {
    const base = await makeBase();
    const credentials = await ask(assumedBy(base, 1000));
    const signer = await ask(base);
    expect(cloud.calls.findLast(({ action }) => action === 'AssumeRole')).toMatchObject({
      status: 200,
      accessKeyId: accessKeyId ?? signer.accessKeyId,
      securityToken: signer.securityToken ?? '',
      parameters: { RoleArn: roleArn, DurationSeconds: '1000' },
    });
    expect(credentials.expiresAt).toBe(clock.now() + 1_000_000);
    cloud.addInstance({ instanceId: 'cri-1', regionId: 'cn-hangzhou', name: 'shop', accountId: '2000000000000002' });
    const query = { InstanceId: 'cri-1' };
    const answer = await callCloud(cloud, { credentials, action: 'GetAuthorizationToken', query });
    expect(answer).toMatchObject({ IsSuccess: true, ExpireTime: credentials.expiresAt });
  });

  test('an RRSA role opens one session of that for many of its own', async () => {
    await projectToken(120 * minuteMs);
    const role = assumedBy(rrsaRole());
    for (let opened = 0; opened < 4; opened++) {
      await ask(role, 8 * minuteMs);
      clock.advance(14 * minuteMs);
    }
    expect(actions()).toEqual(['AssumeRoleWithOIDC', ...Array.from({ length: 4 }, () => 'AssumeRole')]);
    await ask(role, 8 * minuteMs);
    clock.advance(14 * minuteMs);
    await ask(role, 8 * minuteMs);
    expect(actions().filter((action) => action === 'AssumeRoleWithOIDC')).toHaveLength(2);
  });

  test('somebody is another account than the one assumed by somebody else, and the same after a restart', () => {
    const other = entryAccessKey({ id: pair.accessKeyId, secret: 'mended' });
    expect(assumedBy(accessKey()).account).toBe(assumedBy(accessKey(), 3600).account);
    expect(assumedBy(accessKey()).account).not.toBe(assumedBy(other).account);
    expect(assumedBy(accessKey()).account).not.toBe(accessKey().account);
    expect(assumedBy(accessKey()).source).toBe(`role ${roleArn}, assumed by AccessKey pair of acr-registry-info`);
  });
});

describe('the base of an assumed role', () => {
  /** A base whose pair can be edited. */
  function editable() {
    const state = { secret: 'wrong' };
    const base: CredentialsProvider = {
      source: 'pair',
      get account() {
        return state.secret;
      },
      credentials: () => Promise.resolve({ accessKeyId: pair.accessKeyId, accessKeySecret: state.secret }),
      forget: () => undefined,
    };
    return { state, base };
  }

  test('that is mended is tried at once, whatever the back-off', async () => {
    const { state, base } = editable();
    const role = assumedBy(base);
    await expect(ask(role)).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
    state.secret = pair.accessKeySecret;
    expect(await ask(role)).toMatchObject({ securityToken: expect.any(String) as string });
    expect(cloud.calls).toHaveLength(2);
  });

  test('that is edited assumes the role anew, for the session of the one before is not its own', async () => {
    const { state, base } = editable();
    state.secret = pair.accessKeySecret;
    const role = assumedBy(base);
    const first = await ask(role);
    const other = { accessKeyId: pair.accessKeyId, accessKeySecret: 'another-secret' };
    cloud.addAccount(other);
    state.secret = other.accessKeySecret;
    expect(await ask(role)).not.toEqual(first);
  });

  test('whose session the cloud does not accept opens another', async () => {
    await projectToken();
    const base = rrsaRole();
    const role = assumedBy(base);
    cloud.revoke((await ask(base)).accessKeyId);
    await expect(ask(role)).rejects.toMatchObject({ code: 'InvalidAccessKeyId.NotFound' });
    clock.advance(minuteMs);
    expect(await ask(role)).toMatchObject({ expiresAt: clock.now() + 15 * minuteMs });
    expect(actions()).toEqual(['AssumeRoleWithOIDC', 'AssumeRole', 'AssumeRoleWithOIDC', 'AssumeRole']);
  });

  test('that is fine is kept when the role is what is wrong', async () => {
    await projectToken();
    cloud.faults.add(cloudFaults.noPermission, { action: 'AssumeRole', times: 1 });
    const role = assumedBy(rrsaRole());
    await expect(ask(role)).rejects.toMatchObject({ code: 'NoPermission' });
    clock.advance(minuteMs);
    await ask(role);
    expect(actions()).toEqual(['AssumeRoleWithOIDC', 'AssumeRole', 'AssumeRole']);
  });
});
