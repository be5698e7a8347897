import { beforeEach, describe, expect, test } from 'vitest';
import type { RegistryEntry } from '../../src/config/config.ts';
import { AccessKeyProvider } from '../../src/identity/access-key-provider.ts';
import { pairInEntry } from '../../src/identity/access-key-pair.ts';
import type { CloudCredentials } from '../../src/openapi/cloud-credentials.ts';
import type { CredentialsProvider } from '../../src/identity/credentials-provider.ts';
import { IdentityResolver } from '../../src/identity/identity-resolver.ts';
import type { Session } from '../../src/identity/session.ts';
import type { RoleSession } from '../../src/identity/sts-client.ts';
import type { TokenMode } from '../../src/identity/token-mode.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const signal = new AbortController().signal;
const roleArn = 'acs:ram::2:role/puller';
const rrsa = { rrsaRoleArn: 'acs:ram::1:role/rrsa', rrsaOidcProviderArn: 'acs:ram::1:oidc-provider/c1' };
const entry: RegistryEntry = { key: 'cri-1', instanceId: 'cri-1', domains: [] };

let clock: ManualClock;
let state: {
  hasAccessKey: boolean;
  hasManagedToken: boolean;
  rrsaEnabled: boolean;
  secrets: Map<string, Secret>;
  settled: boolean;
};
/** Who assumed which role, and for how many seconds. */
let assumed: string[];

beforeEach(() => {
  clock = new ManualClock();
  state = { hasAccessKey: false, hasManagedToken: false, rrsaEnabled: false, secrets: new Map(), settled: true };
  assumed = [];
});

function given(name: string): CredentialsProvider {
  const credentials = { accessKeyId: name, accessKeySecret: 'simulated', securityToken: 'simulated' };
  return {
    source: name,
    account: name,
    credentials: () => Promise.resolve({ ...credentials, expiresAt: clock.now() + 3_600_000 }),
    forget: () => undefined,
  };
}

function sessionOf(by: string, { roleArn: arn, durationSeconds }: RoleSession): Promise<Session> {
  assumed.push(`${by} → ${arn} ${durationSeconds}`);
  const expiresAt = clock.now() + durationSeconds * 1000;
  const accessKeyId = `STS.${assumed.length}`;
  return Promise.resolve({ accessKeyId, accessKeySecret: 'simulated', securityToken: 'simulated', expiresAt });
}

function resolverFor(tokenMode: TokenMode = 'auto'): IdentityResolver {
  return new IdentityResolver({
    tokenMode,
    rrsaEnabled: () => state.rrsaEnabled,
    accessKey: new AccessKeyProvider({
      find: () => (state.hasAccessKey ? pairInEntry({ id: 'add-on', secret: 'secret' }) : undefined),
      missing: () => 'there is none',
    }),
    managedRole: Object.defineProperty(given('managed'), 'isThere', { get: () => state.hasManagedToken }) as never,
    workerRole: given('worker'),
    secrets: { namespace: 'own', get: (name) => state.secrets.get(name), isSettled: () => state.settled },
    // Any file that can be read and is not empty will do.
    rrsaTokenFile: import.meta.filename,
    sts: {
      assumeRole: (role, by: CloudCredentials) => sessionOf(by.accessKeyId, role),
      assumeRoleWithOidc: (role) => sessionOf('oidc', role),
    },
    clock,
    onNotRenewed: () => undefined,
  });
}

async function keyOf(resolver: IdentityResolver, changes: Partial<RegistryEntry> = {}): Promise<string> {
  const provider = resolver.providerFor({ ...entry, ...changes });
  return (await provider.credentials(clock.now() + 60_000, signal)).accessKeyId;
}

describe('an entry without an identity of its own', () => {
  test('has what there is, as it comes and goes', async () => {
    const resolver = resolverFor();
    expect(await keyOf(resolver)).toBe('worker');
    state.hasManagedToken = true;
    expect(await keyOf(resolver)).toBe('managed');
    state.hasAccessKey = true;
    expect(await keyOf(resolver)).toBe('add-on');
    state.hasAccessKey = false;
    expect(await keyOf(resolver)).toBe('managed');
  });

  test('has what the flag says, though it is not there', async () => {
    await expect(keyOf(resolverFor('accessKey'))).rejects.toMatchObject({ code: 'AccessKeyMissing' });
    await expect(keyOf(resolverFor('rrsa'))).rejects.toMatchObject({ code: 'RrsaRoleUnconfigured' });
  });
});

describe('an entry with its own', () => {
  test('pair or Secret has that', async () => {
    state.hasAccessKey = true;
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const data = { 'access-key-id': base64('tenant'), 'access-key-secret': base64('secret') };
    state.secrets.set('tenant-key', { metadata: {}, data });
    const resolver = resolverFor();
    expect(await keyOf(resolver, { accessKey: { id: 'own', secret: 'secret' } })).toBe('own');
    expect(await keyOf(resolver, { accessKeySecretRef: 'tenant-key' })).toBe('tenant');
    await expect(keyOf(resolver, { accessKeySecretRef: 'other' })).rejects.toMatchObject({ code: 'AccessKeyMissing' });
  });

  test('RRSA role has that as long as rrsa is enabled', async () => {
    const resolver = resolverFor();
    expect(await keyOf(resolver, rrsa)).toBe('worker');
    state.rrsaEnabled = true;
    expect(await keyOf(resolver, rrsa)).toBe('STS.1');
    expect(assumed).toEqual([`oidc → ${rrsa.rrsaRoleArn} 3600`]);
  });

  test('role assumes it with what it has otherwise, for as long as it says', async () => {
    state.rrsaEnabled = true;
    const resolver = resolverFor();
    await keyOf(resolver, { assumeRoleArn: roleArn });
    await keyOf(resolver, { assumeRoleArn: roleArn, expireDurationSeconds: 900 });
    await keyOf(resolver, { assumeRoleArn: roleArn, expireDurationSeconds: 1200, ...rrsa });
    await keyOf(resolver, { expireDurationSeconds: 1500, ...rrsa });
    expect(assumed).toEqual([
      `worker → ${roleArn} 3600`,
      `worker → ${roleArn} 900`,
      `oidc → ${rrsa.rrsaRoleArn} 3600`,
      `STS.3 → ${roleArn} 1200`,
      `oidc → ${rrsa.rrsaRoleArn} 1500`,
    ]);
  });
});

describe('sessions', () => {
  const assuming: Partial<RegistryEntry> = { assumeRoleArn: roleArn };

  test('are shared by entries of one identity, and by no others', async () => {
    const resolver = resolverFor();
    expect(await keyOf(resolver, assuming)).toBe('STS.1');
    expect(await keyOf(resolver, { ...assuming, key: 'cri-2', instanceId: 'cri-2', regionId: 'cn-beijing' })).toBe(
      'STS.1',
    );
    expect(await keyOf(resolver, { ...assuming, accessKey: { id: 'own', secret: 'a' } })).toBe('STS.2');
    expect(await keyOf(resolver, { ...assuming, accessKey: { id: 'own', secret: 'b' } })).toBe('STS.3');
    expect(await keyOf(resolver, { assumeRoleArn: `${roleArn}-2` })).toBe('STS.4');
    expect(await keyOf(resolver, assuming)).toBe('STS.1');
  });

  test('last through edits that leave their identity in use, and are dropped with its last entry', async () => {
    const resolver = resolverFor();
    await keyOf(resolver, assuming);
    resolver.retain([{ ...entry, ...assuming, key: 'another', domains: ['registry.example.com'] }]);
    expect(await keyOf(resolver, assuming)).toBe('STS.1');
    resolver.retain([entry]);
    expect(await keyOf(resolver, assuming)).toBe('STS.2');
  });

  test('of a base last with what is based on it', async () => {
    state.rrsaEnabled = true;
    const resolver = resolverFor();
    await keyOf(resolver, { ...assuming, ...rrsa });
    resolver.retain([{ ...entry, ...assuming, ...rrsa, expireDurationSeconds: 900 }]);
    await keyOf(resolver, { ...assuming, ...rrsa, expireDurationSeconds: 900 });
    expect(assumed.filter((call) => call.startsWith('oidc'))).toHaveLength(1);
    expect(assumed).toHaveLength(3);
  });
});

describe('a Secret that an entry refers to', () => {
  const referring: RegistryEntry = { ...entry, accessKeySecretRef: 'tenant-key' };

  /** Whether the entry is settled by then. */
  async function isSettledAfter(resolver: IdentityResolver, ms: number): Promise<boolean> {
    let isSettled = false;
    void resolver.settled(referring, signal).then(() => (isSettled = true));
    await clock.pass(ms);
    return isSettled;
  }

  test('is waited for until it is known, and not for long', async () => {
    const resolver = resolverFor();
    expect(await isSettledAfter(resolver, 0)).toBe(true);
    state.settled = false;
    expect(await isSettledAfter(resolver, 1_900)).toBe(false);
    expect(await isSettledAfter(resolver, 2_100)).toBe(true);
  });

  test('holds up no entry that refers to none', async () => {
    state.settled = false;
    await resolverFor().settled(entry, signal);
    expect(clock.sleepers).toBe(0);
  });
});
