import { beforeEach, describe, expect, it } from 'vitest';
import { refOf } from '../../src/kube/object-map.ts';
import { NamespacedReflectors } from '../../src/kube/namespaced-reflectors.ts';
import type { ServiceAccount } from '../../src/kube/objects.ts';
import { Poller } from '../../src/kube/poller.ts';
import { Reflector, type Reduced } from '../../src/kube/reflector.ts';
import { resources } from '../../src/kube/resources.ts';
import { namespaceNamed, refAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

const { namespaces, serviceAccounts } = resources;
const names = ['a', 'b'];
const reduce = ({ metadata }: { metadata: { resourceVersion?: string } }): Reduced => ({
  resourceVersion: metadata.resourceVersion ?? '',
});

let clock: ManualClock;
let api: MemoryApi;
let stop: AbortController;
let poller: Poller<ServiceAccount, Reduced>;
let accounts: NamespacedReflectors<ServiceAccount, Reduced>;
let changes: string[];
let forbidden: Set<string>;

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  changes = [];
  forbidden = new Set();
  api.intercept = ({ resource, key }) => {
    if (forbidden.has(`${resource} ${key}`)) throw refusal(403, 'Forbidden');
  };
  const ignore = () => undefined;
  poller = new Poller({
    ...{ client: api, clock, resource: namespaces, names, reduce },
    ...{ onMissing: ignore, onFailure: ignore },
  });
  accounts = new NamespacedReflectors({
    clock,
    namespaces: poller,
    names,
    reflect: (namespace) =>
      new Reflector<ServiceAccount, Reduced>({
        ...{ client: api, clock, resource: serviceAccounts, namespace, reduce, isOptional: true },
      }),
  });
  accounts.subscribe((key, current) => changes.push(current ? key : `-${key}`));
});

async function run(): Promise<void> {
  void poller.run(stop.signal);
  void accounts.run(stop.signal);
  await clock.pass(0);
}

const keys = () => [...accounts.entries()].map(([key]) => key);
const asked = () => [...new Set(api.calls.filter(({ verb }) => verb !== 'get').map(({ key }) => key))];

describe('the objects of some namespaces', () => {
  beforeEach(() => {
    for (const name of ['a', 'b', 'c']) {
      api.put(namespaces, namespaceNamed(name));
      api.put(serviceAccounts, serviceAccountAt(`${name}/app`));
    }
  });

  it('are one, and nothing is asked for elsewhere', async () => {
    expect(accounts.hasSynced).toBe(false);
    await run();
    await accounts.synced;
    expect([accounts.hasSynced, keys(), asked()]).toEqual([true, ['a/app', 'b/app'], ['a', 'b']]);
    expect([accounts.get(refOf('b/app')), accounts.get(refOf('c/app'))]).toEqual([{ resourceVersion: '4' }, undefined]);
    api.put(serviceAccounts, serviceAccountAt('b/late'));
    await clock.pass(0);
    expect(changes).toEqual(['a/app', 'b/app', 'b/late']);
  });

  it('are waited for some seconds, and no longer for one namespace that cannot be listed', async () => {
    let isSettled = false;
    api.intercept = ({ verb, key }) => {
      if (verb === 'list' && key === 'a') throw refusal(500, 'InternalError');
    };
    await run();
    void accounts.synced.then(() => (isSettled = true));
    await clock.pass(9_000);
    expect([isSettled, keys()]).toEqual([false, ['b/app']]);
    await clock.pass(1_000);
    expect([isSettled, accounts.hasSynced]).toEqual([true, false]);
  });

  it('take in our own writes, each in its namespace', async () => {
    await run();
    const metadata = { ...refAt('b/own'), resourceVersion: '99' };
    accounts.observe({ metadata });
    accounts.observe({ metadata: { ...metadata, namespace: 'c' } });
    expect(keys()).toEqual(['a/app', 'b/app', 'b/own']);
  });

  it('are known without those of a namespace that is not there, which are asked for when it is', async () => {
    api.remove(namespaces, { name: 'b' });
    await run();
    expect([accounts.hasSynced, keys(), asked()]).toEqual([true, ['a/app'], ['a']]);
    await clock.pass(120_000);
    expect(asked()).toEqual(['a']);
    api.put(namespaces, namespaceNamed('b'));
    await clock.pass(30_000);
    expect([accounts.hasSynced, keys()]).toEqual([true, ['a/app', 'b/app']]);
  });

  it('are no longer asked for where the namespace goes, and again when it comes back', async () => {
    await run();
    api.remove(serviceAccounts, refAt('b/app'));
    api.remove(namespaces, { name: 'b' });
    await clock.pass(5_000);
    const calls = () => api.calls.filter(({ verb, key }) => verb !== 'get' && key === 'b').length;
    const before = calls();
    await clock.pass(20 * 60_000);
    expect([calls(), keys()]).toEqual([before, ['a/app']]);
    api.put(namespaces, namespaceNamed('b'));
    api.put(serviceAccounts, serviceAccountAt('b/other'));
    await clock.pass(30_000);
    expect(keys()).toEqual(['a/app', 'b/other']);
  });

  it('are known without those that may not be read, until they may', async () => {
    forbidden.add('serviceaccounts b');
    await run();
    await accounts.synced;
    expect([accounts.hasSynced, keys()]).toEqual([true, ['a/app']]);
    forbidden.clear();
    await clock.pass(10_000);
    expect(keys()).toEqual(['a/app', 'b/app']);
  });

  it('may be asked for before anything runs', async () => {
    void poller.run(stop.signal);
    await clock.pass(0);
    expect(accounts.hasSynced).toBe(false);
    void accounts.run(stop.signal);
    await clock.pass(0);
    expect(keys()).toEqual(['a/app', 'b/app']);
  });

  it('are let go of in the end', async () => {
    void poller.run(stop.signal);
    const ended = accounts.run(stop.signal);
    await clock.pass(0);
    stop.abort();
    await ended;
    await clock.pass(0);
    expect(clock.sleepers).toBe(0);
  });
});
