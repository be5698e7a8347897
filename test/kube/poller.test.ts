import { beforeEach, describe, expect, it } from 'vitest';
import type { Namespace } from '../../src/kube/objects.ts';
import { Poller } from '../../src/kube/poller.ts';
import { resources } from '../../src/kube/resources.ts';
import { observeNamespace, type ObservedNamespace } from '../../src/targets/target-selector.ts';
import { namespaceNamed } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

const { namespaces } = resources;
const optedOut = { labels: { 'acr-credential-injector/inject': 'false' } };

let clock: ManualClock;
let api: MemoryApi;
let stop: AbortController;
let poller: Poller<Namespace, ObservedNamespace>;
let missing: string[];
let failures: unknown[];
/** `a` came, `a: true` changed, `-a` went. */
let changes: string[];
/** How the API server answers about a name, instead of with the object. */
let refused: Map<string, Error>;

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  missing = [];
  failures = [];
  changes = [];
  refused = new Map();
  api.intercept = ({ key }) => {
    const error = refused.get(key);
    if (error) throw error;
  };
  poller = new Poller({
    client: api,
    clock,
    resource: namespaces,
    names: ['a', 'b'],
    reduce: (namespace: Namespace) => observeNamespace(namespace),
    onMissing: (name) => missing.push(name),
    onFailure: (error) => failures.push(error),
  });
  poller.subscribe((name, current, previous) => {
    changes.push(!current ? `-${name}` : previous ? `${name}: ${current.optedOut}` : name);
  });
});

async function run(): Promise<void> {
  void poller.run(stop.signal);
  await clock.pass(0);
}

describe('objects that are read by name', () => {
  it('are all known after the first answers, and none but those', async () => {
    for (const name of ['a', 'b', 'c']) api.put(namespaces, namespaceNamed(name));
    expect(poller.hasSynced).toBe(false);
    await run();
    await poller.synced;
    expect([...poller.entries()].map(([name]) => name)).toEqual(['a', 'b']);
    expect([changes, poller.hasSynced, poller.get({ name: 'c' })]).toEqual([['a', 'b'], true, undefined]);
    expect(api.calls.every(({ verb }) => verb === 'get')).toBe(true);
  });

  it('are followed every few seconds, and told of when they change', async () => {
    api.put(namespaces, namespaceNamed('a'));
    api.put(namespaces, namespaceNamed('b'));
    await run();
    await clock.pass(60_000);
    expect(changes).toEqual(['a', 'b']);
    api.put(namespaces, namespaceNamed('a', optedOut));
    await clock.pass(5_000);
    expect(changes).toEqual(['a', 'b', 'a: true']);
    const readsOfA = api.count({ verb: 'get', key: 'a' });
    expect(readsOfA).toBe(14);
  });

  it.each([
    ['is not there', refusal(404, 'NotFound')],
    ['may not be read', refusal(403, 'Forbidden')],
  ])('hold up nothing where one of them %s, which is told once', async (_, error) => {
    api.put(namespaces, namespaceNamed('b'));
    refused.set('a', error);
    await run();
    expect([poller.hasSynced, poller.missing, changes]).toEqual([true, ['a'], ['b']]);
    await clock.pass(300_000);
    expect([missing, failures]).toEqual([['a'], []]);
    expect(api.count({ key: 'a' })).toBeLessThan(60);
    expect(api.count({ key: 'a' })).toBeGreaterThan(9);
  });

  it('are there half a minute after they can be read, and gone when they cannot', async () => {
    api.put(namespaces, namespaceNamed('a'));
    await run();
    await clock.pass(120_000);
    api.put(namespaces, namespaceNamed('b'));
    await clock.pass(30_000);
    expect([changes, poller.missing]).toEqual([['a', 'b'], []]);
    refused.set('b', refusal(403, 'Forbidden'));
    await clock.pass(5_000);
    expect([changes.at(-1), poller.get({ name: 'b' }), missing]).toEqual(['-b', undefined, ['b', 'b']]);
  });

  it('stay as they were while the API server fails, and nothing counts as known before it answers', async () => {
    api.put(namespaces, namespaceNamed('a'));
    api.put(namespaces, namespaceNamed('b'));
    refused.set('b', refusal(500, 'InternalError'));
    await run();
    await clock.pass(20_000);
    expect([poller.hasSynced, poller.missing]).toEqual([false, []]);
    refused.clear();
    await clock.pass(10_000);
    expect(poller.hasSynced).toBe(true);
    const before = failures.length;
    refused.set('b', refusal(500, 'InternalError'));
    await clock.pass(10_000);
    expect(failures.length).toBeGreaterThan(before);
    expect([changes, missing]).toEqual([['a', 'b'], []]);
  });

  it('are asked for no more, and nothing is told, when it ends', async () => {
    await run();
    stop.abort();
    await clock.pass(0);
    const calls = api.calls.length;
    await clock.pass(60_000);
    expect([api.calls.length, clock.sleepers]).toEqual([calls, 0]);
  });
});
