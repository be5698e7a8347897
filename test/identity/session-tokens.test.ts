import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entryAccessKey } from '../../src/identity/access-key-provider.ts';
import { AssumedRole } from '../../src/identity/assumed-role.ts';
import type { CredentialsProvider } from '../../src/identity/credentials-provider.ts';
import { ManagedRole } from '../../src/identity/managed-role.ts';
import { MetadataService } from '../../src/identity/metadata-service.ts';
import { RrsaRole } from '../../src/identity/rrsa-role.ts';
import { OpenApiStsClient } from '../../src/identity/sts-client.ts';
import { WorkerRole } from '../../src/identity/worker-role.ts';
import { OpenApiAcrClient } from '../../src/registry/acr-client.ts';
import { credentialsOf } from '../builders/credential.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { serviceAccountToken } from '../sandbox/cloud/service-account-token.ts';
import { necessaryCalls } from './necessary-calls.ts';
import { type DayOptions, entryOf, hourMs, minuteMs, simulateDay } from './simulated-day.ts';

const stepMs = 20_000;
const pair = { accessKeyId: 'LTAIemulated', accessKeySecret: 'the-account-secret' };
const roleArn = 'acs:ram::2000000000000002:role/puller';
const rrsaRoleArn = 'acs:ram::1000000000000001:role/rrsa';
const oidcProviderArn = 'acs:ram::1000000000000001:oidc-provider/ack-rrsa-c1';

let clock: ManualClock;
let cloud: CloudEmulator;
let sts: OpenApiStsClient;
let folder: string;
const onNotRenewed = () => undefined;

beforeEach(async () => {
  clock = new ManualClock();
  cloud = await CloudEmulator.start({ clock });
  cloud.addAccount(pair);
  cloud.addRole({ arn: roleArn });
  cloud.addRole({ arn: rrsaRoleArn, oidcProviderArn });
  cloud.addInstance({ instanceId: 'cri-1', regionId: 'cn-hangzhou', name: 'shop' });
  sts = new OpenApiStsClient({ endpoint: new URL(cloud.url), region: () => Promise.resolve('cn-hangzhou') });
  folder = await mkdtemp(join(tmpdir(), 'session-tokens-'));
});
afterEach(async () => {
  await cloud.stop();
  await rm(folder, { recursive: true });
});

/** Time in steps, each taken when what the one before began is done; what is stored must open the registry all the while. */
function passing(eachStep: () => Promise<void> = () => Promise.resolve()): DayOptions['pass'] {
  return async (ms, { stored }) => {
    if (ms === 0) return;
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      await eachStep();
      await clock.settled();
      const { username = '', password = '' } = stored.get('entry-0')?.at(-1) ?? {};
      if (password !== '') expect(cloud.isLive(username, password), new Date(clock.now()).toISOString()).toBe(true);
      clock.advance(Math.min(leftMs, stepMs));
    }
    await clock.settled();
  };
}

function run(provider: CredentialsProvider, options: Partial<DayOptions> = {}) {
  const acr = new OpenApiAcrClient({ endpoint: new URL(cloud.url), clock });
  const defaults = { pass: passing(), thresholdMs: 15 * minuteMs };
  return simulateDay({ clock, acr, providerFor: () => provider, ...defaults, ...options });
}

const callsOf = (action: string) => cloud.calls.filter((call) => call.action === action && call.status === 200).length;

async function projectToken(): Promise<void> {
  const exp = Math.floor((clock.now() + hourMs) / 1000);
  const token = serviceAccountToken({ aud: 'sts.aliyuncs.com', sub: 'system:serviceaccount:kube-system:acr', exp });
  await writeFile(join(folder, 'token'), token);
}

function roleOf(base: CredentialsProvider, durationSeconds: number): AssumedRole {
  return new AssumedRole({ base, role: { roleArn, durationSeconds }, sts, clock, onNotRenewed });
}

function rrsaRole(durationSeconds: number): RrsaRole {
  const role = { roleArn: rrsaRoleArn, oidcProviderArn, durationSeconds };
  return new RrsaRole({ ...role, tokenFile: join(folder, 'token'), sts, clock, onNotRenewed });
}

const accessKey = () => entryAccessKey({ id: pair.accessKeyId, secret: pair.accessKeySecret });

describe('a day over the wire', { timeout: 30_000 }, () => {
  test.each([
    { session: 15, threshold: 45 },
    { session: 60, threshold: 15 },
    { session: 75, threshold: 15 },
    { session: 720, threshold: 1 },
  ])('of a role for $session minutes at a time, renewed $threshold minutes before', async (grid) => {
    const day = await run(roleOf(accessKey(), grid.session * 60), { thresholdMs: grid.threshold * minuteMs });
    expect(day).toMatchObject({ longestGapMs: 0, failures: [] });
    const { tokens, sessions } = necessaryCalls(grid.threshold, grid.session);
    expect(callsOf('GetAuthorizationToken')).toBeLessThan(tokens * 1.5);
    expect(callsOf('AssumeRole')).toBeLessThan(sessions * 1.5);
    expect(cloud.calls.filter(({ status }) => status !== 200)).toEqual([]);
  });

  test("of a role on top of RRSA, with kubelet renewing the ServiceAccount's token", async () => {
    await projectToken();
    const day = await run(roleOf(rrsaRole(3600), 1800), {
      pass: passing(async () => {
        if (clock.now() % (48 * minuteMs) < stepMs) await projectToken();
      }),
    });
    expect(day).toMatchObject({ longestGapMs: 0, failures: [] });
    const { tokens, sessions } = necessaryCalls(15, 30);
    expect(callsOf('GetAuthorizationToken')).toBeLessThan(1.5 * tokens);
    expect(callsOf('AssumeRole')).toBeLessThan(1.5 * sessions);
    expect(callsOf('AssumeRoleWithOIDC')).toBeLessThan(1.5 * 24);
  });

  test("of the node's role", async () => {
    cloud.setNode({ roleName: 'worker' });
    const metadata = new MetadataService({ endpoint: new URL(cloud.url) });
    const day = await run(new WorkerRole({ metadata, clock, onNotRenewed }));
    expect(day).toMatchObject({ longestGapMs: 0, failures: [] });
    expect(callsOf('GetAuthorizationToken')).toBeLessThan(1.5 * necessaryCalls(15, 360).tokens);
  });

  test("of the cluster's role, whose file the cluster replaces", async () => {
    const file = join(folder, 'token-config');
    const replace = () => writeFile(file, cloud.managedToken({ lifeMs: hourMs }));
    let replacedAt = clock.now();
    await replace();
    const day = await run(new ManagedRole({ file, clock, onNotRenewed }), {
      pass: passing(async () => {
        if (clock.now() - replacedAt < 50 * minuteMs) return;
        replacedAt = clock.now();
        await replace();
      }),
    });
    expect(day).toMatchObject({ longestGapMs: 0, failures: [] });
    expect(callsOf('GetAuthorizationToken')).toBeLessThan(1.5 * necessaryCalls(15, 60).tokens);
  });
});

describe('a token that is fresh', () => {
  test('costs no call at all after a restart, session included', async () => {
    const day = await run(roleOf(accessKey(), 3600), { lengthMs: minuteMs });
    const [credential] = day.stored.get('entry-0') ?? [];
    const calls = cloud.calls.length;
    const before = credentialsOf([entryOf(0), credential!]);
    const after = await run(roleOf(accessKey(), 3600), { lengthMs: minuteMs, before });
    expect(after.stored.size).toBe(0);
    expect(cloud.calls).toHaveLength(calls);
  });

  test('is asked for anew when another identity is to ask for it', async () => {
    const day = await run(roleOf(accessKey(), 3600), { lengthMs: minuteMs });
    const before = credentialsOf([entryOf(0), day.stored.get('entry-0')![0]!]);
    const after = await run(accessKey(), { lengthMs: minuteMs, before });
    expect(after.stored.get('entry-0')).toHaveLength(1);
    expect(cloud.calls.at(-1)).toMatchObject({ accessKeyId: pair.accessKeyId, securityToken: '' });
  });
});

test('a session that the cloud ends before its time is replaced', async () => {
  const day = await run(roleOf(accessKey(), 720 * 60), {
    lengthMs: 2 * hourMs,
    pass: passing(() => {
      const [first] = cloud.issuedTokens;
      if (first) cloud.revoke(first.accessKeyId);
      return Promise.resolve();
    }),
  });
  expect(day.longestGapMs).toBe(0);
  expect(day.failures).toMatchObject([{ code: 'InvalidAccessKeyId.NotFound' }]);
  expect(callsOf('AssumeRole')).toBe(2);
});
