import { beforeEach, describe, expect, it } from 'vitest';
import type { RegistryEntry } from '../../src/config/config.ts';
import { credentialIdOf } from '../../src/credentials/credential-id.ts';
import { CredentialRefresher, type RefreshPlan } from '../../src/credentials/credential-refresher.ts';
import { credentialOf } from '../../src/credentials/tokens-secret.ts';
import { CloudApiError } from '../../src/errors.ts';
import { registry } from '../builders/config.ts';
import { HOUR_MS } from '../builders/credential.ts';
import { EmulatedFetcher } from '../fakes/emulated-fetcher.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryTokens } from '../fakes/memory-tokens.ts';

describe('what names a credential', () => {
  it.each<[string, Partial<RegistryEntry>]>([
    ['key', { key: 'cri-a#2' }],
    ['domains', { domains: ['own.example.com'] }],
    ['namespaces', { namespaces: ['team-a'] }],
    ["AccessKey's secret", {}],
  ])('is the same whatever the %s', (_, fields) => {
    const accessKey = { id: 'id', secret: 'first' };
    const other = { ...registry, ...fields, accessKey: { id: 'id', secret: 'second' } };
    expect(credentialIdOf(other)).toBe(credentialIdOf({ ...registry, accessKey }));
  });

  it.each<[string, Partial<RegistryEntry>]>([
    ['instance', { instanceId: 'cri-b' }],
    ['Personal Edition', { instanceId: undefined }],
    ['name', { instanceId: undefined, instanceName: 'cri-a' }],
    ['region', { regionId: 'cn-beijing' }],
    ["cluster's region", { regionId: undefined }],
    ['AccessKey', { accessKey: { id: 'id', secret: 'secret' } }],
    ['Secret of an AccessKey', { accessKeySecretRef: 'id' }],
    ['role', { assumeRoleArn: 'id' }],
    ['RRSA role', { rrsaRoleArn: 'id' }],
    ['OIDC provider', { rrsaOidcProviderArn: 'id' }],
  ])('is another one for another %s', (_, fields) => {
    expect(credentialIdOf({ ...registry, ...fields })).not.toBe(credentialIdOf(registry));
  });

  it('holds no secret', () => {
    const accessKey = { id: 'id', secret: 'very secret' };
    expect(credentialIdOf({ ...registry, accessKey })).not.toContain('very secret');
  });
});

let clock: ManualClock;
let fetcher: EmulatedFetcher;
let store: MemoryTokens;
let renewed: string[];
let failures: string[];
let refresher: CredentialRefresher;

beforeEach(() => {
  clock = new ManualClock();
  fetcher = new EmulatedFetcher(clock, HOUR_MS);
  store = new MemoryTokens();
  renewed = [];
  failures = [];
  refresher = new CredentialRefresher({
    fetcher,
    store,
    clock,
    random: () => 1,
    onRenewed: (key, reason) => renewed.push(`${key} ${reason}`),
    onFailure: (key) => failures.push(key),
  });
});

const entryOf = (key: string, fields: Partial<RegistryEntry> = {}) => ({
  ...registry,
  key,
  instanceId: key,
  ...fields,
});
const planOf = (...registries: RegistryEntry[]): RefreshPlan => ({ registries, expiringThresholdMs: 900_000 });

async function begin(plan: RefreshPlan): Promise<void> {
  refresher.start(new AbortController().signal);
  refresher.configure(plan);
  await clock.pass(0);
}

describe('an edit of the configuration', () => {
  it("of the domains asks for nothing, but for the instance's when they are not known", async () => {
    const withDomains = (...domains: string[]) => planOf(entryOf('a', { domains }));
    for (const plan of [withDomains('one.example.com'), withDomains('other.example.com')]) {
      await begin(plan);
      expect(fetcher.calls).toEqual(['a']);
    }
    refresher.configure(planOf(entryOf('a')));
    await clock.pass(0);
    expect(renewed).toEqual(['a Missing', 'a Missing']);
    expect(credentialOf(store.current, entryOf('a'))?.domains).toEqual(['a.example.com']);
    refresher.configure(withDomains('one.example.com'));
    await clock.pass(HOUR_MS);
    expect(renewed.at(-1)).toBe('a NearExpiry');
    expect(credentialOf(store.current, entryOf('a'))?.domains).toEqual(['a.example.com']);
  });

  it('that removes the first of two accounts keeps the token of the other, whose key that becomes', async () => {
    const account = { instanceId: 'a', accessKeySecretRef: 'other' };
    await begin(planOf(entryOf('a'), entryOf('a#2', account)));
    const theirs = credentialOf(store.current, entryOf('a', account));
    fetcher.beforeAnswer = () =>
      Promise.reject(new CloudApiError('down', { code: 'ServiceUnavailable', retryable: true }));
    refresher.configure(planOf(entryOf('a', account)));
    await clock.pass(60_000);
    expect(Object.values(store.current.credentials)).toEqual([theirs]);
    expect(failures).toEqual([]);
  });

  it('that lets somebody else ask under the same key is settled when he has answered', async () => {
    await begin(planOf(entryOf('a')));
    fetcher.beforeAnswer = () => clock.sleep(1_000);
    refresher.configure(planOf(entryOf('a', { accessKeySecretRef: 'other' })));
    expect(refresher.awaitsSuccessor('a')).toBe(true);
    await clock.pass(999);
    expect([refresher.isSettled('a'), refresher.awaitsSuccessor('a')]).toEqual([false, true]);
    await clock.pass(1);
    expect([refresher.isSettled('a'), refresher.awaitsSuccessor('a')]).toEqual([true, false]);
  });
});

it('of two entries with one credential, the one that says its domains does not forget those of the other', async () => {
  fetcher.beforeAnswer = ({ domains }) => (domains.length > 0 ? clock.sleep(1_000) : Promise.resolve());
  await begin(planOf(entryOf('a'), entryOf('a#2', { instanceId: 'a', domains: ['own.example.com'] })));
  await clock.pass(1_000);
  expect(renewed).toEqual(['a Missing', 'a#2 Missing']);
  expect(credentialOf(store.current, entryOf('a'))).toMatchObject({ password: 'token-2', domains: ['a.example.com'] });
});
