import { beforeEach, describe, expect, it } from 'vitest';
import type { RegistryEntry } from '../../src/config/config.ts';
import { CredentialFetcher } from '../../src/credentials/credential-fetcher.ts';
import { CloudApiError } from '../../src/errors.ts';
import type { CloudCredentials } from '../../src/openapi/cloud-credentials.ts';
import type { RegistryTarget } from '../../src/registry/acr-client.ts';
import { registry } from '../builders/config.ts';
import { HOUR_MS } from '../builders/credential.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const { signal } = new AbortController();
const personal: RegistryEntry = { key: 'personal', domains: [] };

let clock: ManualClock;
let credentials: CloudCredentials;
let account: string;
let forgotten: string[];
let refusal: Error | undefined;
let clusterRegion: string;
let domains: string[] | Error;
let asked: { action: 'token' | 'domains'; target: RegistryTarget; accessKeyId: string }[];
let liveUntil: number[];
let stale: unknown[];
let fetcher: CredentialFetcher;

beforeEach(() => {
  clock = new ManualClock();
  credentials = { accessKeyId: 'id', accessKeySecret: 'secret' };
  account = 'puller';
  forgotten = [];
  refusal = undefined;
  clusterRegion = 'cn-beijing';
  domains = ['shop-registry.cn-hangzhou.cr.aliyuncs.com'];
  asked = [];
  liveUntil = [];
  stale = [];
  fetcher = new CredentialFetcher({
    acr: {
      authorizationToken: (target, { accessKeyId }) => {
        asked.push({ action: 'token', target, accessKeyId });
        if (refusal) return Promise.reject(refusal);
        return Promise.resolve({ username: 'user', password: 'token', expiresAt: clock.now() + HOUR_MS });
      },
      instanceDomains: (target, { accessKeyId }) => {
        asked.push({ action: 'domains', target, accessKeyId });
        return domains instanceof Error ? Promise.reject(domains) : Promise.resolve(domains);
      },
      listInstances: () => Promise.resolve([]),
    },
    providerFor: () => ({
      source: 'role puller',
      account,
      credentials: (until) => {
        liveUntil.push(until);
        return Promise.resolve(credentials);
      },
      forget: ({ accessKeyId }) => forgotten.push(accessKeyId),
    }),
    clusterRegion: () => Promise.resolve(clusterRegion),
    clock,
    onStaleDomains: (entry, error) => stale.push([entry.key, error]),
  });
});

const prepare = (entry: RegistryEntry) => fetcher.prepare(entry, clock.now(), signal);
const sourceOf = async (entry: RegistryEntry) => (await prepare(entry)).source;
const actions = () => asked.map(({ action }) => action);

describe('a question', () => {
  it('is made without a call of the cloud, and without credentials', async () => {
    await fetcher.prepare(registry, 4711, signal);
    expect(asked).toEqual([]);
    expect(liveUntil).toEqual([]);
  });

  it("is about the entry's region, else the cluster's", async () => {
    expect((await prepare(registry)).target).toEqual({ instanceId: 'cri-a', regionId: 'cn-hangzhou' });
    expect((await prepare(personal)).target).toEqual({ instanceId: undefined, regionId: 'cn-beijing' });
  });

  it.each([
    ['instance', () => sourceOf({ ...registry, instanceId: 'cri-b' })],
    ['region', () => sourceOf({ ...registry, regionId: 'cn-beijing' })],
    [
      'account',
      () => {
        account = 'another';
        return sourceOf(registry);
      },
    ],
  ])('is another one for another %s', async (_, other) => {
    const before = await sourceOf(registry);
    expect(await other()).not.toBe(before);
  });

  it('is another one when the cluster turns out to be in another region', async () => {
    const before = await sourceOf(personal);
    clusterRegion = 'cn-shanghai';
    expect(await sourceOf(personal)).not.toBe(before);
  });

  it('stays the same with a new session of the same identity, and with a new name in the configuration', async () => {
    credentials = { accessKeyId: 'STS.1', accessKeySecret: 'secret', securityToken: 'one' };
    const before = await sourceOf(registry);
    credentials = { accessKeyId: 'STS.2', accessKeySecret: 'secret', securityToken: 'two' };
    expect(await sourceOf({ ...registry, key: 'cri-a#2' })).toBe(before);
  });
});

describe('the credentials', () => {
  const session = (lifeMs: number) => ({
    accessKeyId: 'STS.1',
    accessKeySecret: 'secret',
    securityToken: 'one',
    expiresAt: clock.now() + lifeMs,
  });

  it('live as long as they are needed', async () => {
    await fetcher.fetch(await fetcher.prepare(registry, 4711, signal), undefined, signal);
    expect(liveUntil).toEqual([4711]);
  });

  it('that end no later than the credential at hand ask for no other', async () => {
    const request = await prepare(registry);
    const first = await fetcher.fetch(request, undefined, signal);
    asked = [];
    credentials = session(HOUR_MS);
    expect(await fetcher.fetch(request, first, signal)).toBe(first);
    expect(asked).toEqual([]);
    credentials = session(2 * HOUR_MS);
    expect(await fetcher.fetch(request, first, signal)).not.toBe(first);
  });

  it('that end early ask all the same when another account is to ask, or nothing lives', async () => {
    const first = await fetcher.fetch(await prepare(registry), undefined, signal);
    credentials = session(HOUR_MS / 2);
    account = 'another';
    expect(await fetcher.fetch(await prepare(registry), first, signal)).not.toBe(first);
    account = 'puller';
    clock.advance(HOUR_MS);
    credentials = session(HOUR_MS / 2);
    expect(await fetcher.fetch(await prepare(registry), first, signal)).not.toBe(first);
  });

  it.each([
    ['InvalidSecurityToken.Expired', ['id']],
    ['InvalidAccessKeyId.NotFound', ['id']],
    ['NoPermission', []],
    ['Throttling.User', []],
  ])('that are refused with %s are forgotten: %j', async (code, expected) => {
    refusal = new CloudApiError('refused', { code, retryable: false });
    await expect(fetcher.fetch(await prepare(registry), undefined, signal)).rejects.toBe(refusal);
    expect(forgotten).toEqual(expected);
  });
});

describe('a credential', () => {
  it('is asked for with one call, and one for the domains', async () => {
    const credential = await fetcher.fetch(await prepare(registry), undefined, signal);
    expect(credential).toEqual({
      username: 'user',
      password: 'token',
      issuedAt: clock.now(),
      expiresAt: clock.now() + HOUR_MS,
      domains: ['shop-registry.cn-hangzhou.cr.aliyuncs.com'],
      domainsListedAt: clock.now(),
      source: await sourceOf(registry),
    });
    expect(actions().sort()).toEqual(['domains', 'token']);
  });

  it('is asked for without the domains where the entry says them, until one does not', async () => {
    const first = await fetcher.fetch(await prepare({ ...registry, domains: ['own.example.com'] }), undefined, signal);
    expect(first).toMatchObject({ domains: [], domainsListedAt: 0 });
    expect(actions()).toEqual(['token']);
    const second = await fetcher.fetch(await prepare(registry), first, signal);
    expect(second).toMatchObject({ domains, domainsListedAt: clock.now() });
  });

  it("has the region's domains in the Personal Edition, without a call", async () => {
    const { domains: personalDomains } = await fetcher.fetch(await prepare(personal), undefined, signal);
    expect(personalDomains).toContain('registry-vpc.cn-beijing.aliyuncs.com');
    expect(actions()).toEqual(['token']);
  });

  it('has the known domains for six hours, and then those of a new list', async () => {
    const request = await prepare(registry);
    const first = await fetcher.fetch(request, undefined, signal);
    asked = [];
    domains = ['shop-registry.cn-hangzhou.cr.aliyuncs.com', 'own.example.com'];
    clock.advance(6 * HOUR_MS - 1);
    const second = await fetcher.fetch(request, first, signal);
    expect(actions()).toEqual(['token']);
    expect(second).toMatchObject({ domains: first.domains, domainsListedAt: first.domainsListedAt });
    clock.advance(1);
    expect((await fetcher.fetch(request, second, signal)).domains).toEqual(domains);
  });

  it('does not take over the domains of another question', async () => {
    const first = await fetcher.fetch(await prepare(registry), undefined, signal);
    domains = ['other.example.com'];
    const request = await prepare({ ...registry, instanceId: 'cri-b' });
    expect((await fetcher.fetch(request, first, signal)).domains).toEqual(domains);
  });

  it('keeps the domains that are known when they cannot be listed anew', async () => {
    const request = await prepare(registry);
    const first = await fetcher.fetch(request, undefined, signal);
    clock.advance(6 * HOUR_MS);
    domains = new CloudApiError('no right', { code: 'NoPermission', retryable: false });
    const second = await fetcher.fetch(request, first, signal);
    expect(second).toMatchObject({ domains: first.domains, domainsListedAt: first.domainsListedAt });
    expect(second.issuedAt).toBe(clock.now());
    expect(stale).toEqual([['cri-a', domains]]);
  });

  it('is none without domains', async () => {
    domains = new CloudApiError('no right', { code: 'NoPermission', retryable: false });
    await expect(fetcher.fetch(await prepare(registry), undefined, signal)).rejects.toBe(domains);
    expect(stale).toEqual([]);
  });
});
