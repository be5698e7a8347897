import { beforeEach, describe, expect, it } from 'vitest';
import type { ObservedCluster } from '../../src/app/cluster-state.ts';
import type { Config } from '../../src/config/config.ts';
import type { ServiceAccount } from '../../src/kube/objects.ts';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import { resources } from '../../src/kube/resources.ts';
import { ServiceAccountReconciler } from '../../src/targets/service-account-reconciler.ts';
import { ServiceAccountWriter } from '../../src/targets/service-account-writer.ts';
import { configWith } from '../builders/config.ts';
import { listOwnedBy, namespaceNamed, refAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';
import { observedCluster, SECRET_NAME } from '../fakes/observed-cluster.ts';

const { serviceAccounts, namespaces } = resources;

let api: MemoryApi;
let clock: ManualClock;
let stop: AbortController;
let observed: ObservedCluster;
let config: Config | undefined;
let canAttach: boolean;
let foreign: string[];
let failures: string[];
let fights: string[][];
let reconciler: ServiceAccountReconciler;

beforeEach(async () => {
  api = new MemoryApi();
  clock = new ManualClock();
  stop = new AbortController();
  config = configWith();
  canAttach = true;
  foreign = [];
  failures = [];
  fights = [];
  for (const name of ['a', 'b']) api.put(namespaces, namespaceNamed(name));
  observed = await observedCluster(api, clock, stop.signal);
  reconciler = new ServiceAccountReconciler({
    clock,
    rules: () => config,
    namespaces: observed.namespaces,
    serviceAccounts: observed.serviceAccounts,
    writer: new ServiceAccountWriter({
      client: api,
      serviceAccounts: observed.serviceAccounts,
      reachedByWebhook: () => false,
      onPatched: () => undefined,
    }),
    references: (namespace) => ({
      attach: canAttach && !foreign.includes(namespace) ? [SECRET_NAME] : [],
      keep: [SECRET_NAME],
    }),
    loopGuard: new LoopGuard({ clock, onFight: ({ name }, rivals) => fights.push([name, ...rivals]) }),
    onFailure: (key) => failures.push(key),
  });
});

const put = (key: string, names?: string[], metadata?: ServiceAccount['metadata']) =>
  api.put(serviceAccounts, serviceAccountAt(key, names, metadata));
const namesAt = (key: string) => {
  const account: ServiceAccount | undefined = api.read(serviceAccounts, refAt(key));
  return account?.imagePullSecrets?.map(({ name }) => name) ?? [];
};
const patchesOf = (key: string) => api.count({ verb: 'jsonPatch', key });

async function begin(): Promise<void> {
  await clock.pass(0);
  reconciler.start(stop.signal);
  await clock.pass(0);
}

async function configure(fields: Partial<Config>): Promise<void> {
  config = configWith(fields);
  reconciler.reconcileAll();
  await clock.pass(0);
}

describe('ServiceAccounts of targets', () => {
  it('are attached at the start, when they appear, and when they lose the reference', async () => {
    put('a/old', ['theirs']);
    await begin();
    expect(namesAt('a/old')).toEqual(['theirs', SECRET_NAME]);
    put('b/new');
    put('a/old', ['theirs']);
    await clock.pass(0);
    expect(namesAt('b/new')).toEqual([SECRET_NAME]);
    expect(namesAt('a/old')).toEqual(['theirs', SECRET_NAME]);
  });

  it('are selected by namespace and by name', async () => {
    config = configWith({ watchNamespaces: ['a'], serviceAccounts: ['default'] });
    for (const key of ['a/default', 'a/other', 'b/default']) put(key);
    await begin();
    expect([namesAt('a/default'), namesAt('a/other'), namesAt('b/default')]).toEqual([[SECRET_NAME], [], []]);
  });

  it('that are right already are not touched, however often all is looked at', async () => {
    put('a/app', [SECRET_NAME]);
    await begin();
    reconciler.reconcileAll();
    reconciler.reconcileNamespace('a');
    await clock.pass(0);
    expect(api.count({ verb: 'get' })).toBe(0);
    expect(patchesOf('a/app')).toBe(0);
  });

  it('that were attached while a list of ours was left behind give it back', async () => {
    put('a/app', [SECRET_NAME], { managedFields: [listOwnedBy('acr-credential-injector')] });
    await begin();
    expect(patchesOf('a/app')).toBe(1);
  });

  it('wait for the first token', async () => {
    canAttach = false;
    put('a/app');
    await begin();
    expect(namesAt('a/app')).toEqual([]);
    canAttach = true;
    reconciler.reconcileAll();
    await clock.pass(0);
    expect(namesAt('a/app')).toEqual([SECRET_NAME]);
  });

  it('beside a Secret of somebody else are left alone until it goes', async () => {
    foreign = ['a'];
    put('a/app');
    put('b/app');
    await begin();
    expect([namesAt('a/app'), namesAt('b/app')]).toEqual([[], [SECRET_NAME]]);
    foreign = [];
    reconciler.reconcileNamespace('a');
    await clock.pass(0);
    expect(namesAt('a/app')).toEqual([SECRET_NAME]);
  });

  it('with the opt-out label are left alone, with and without the reference', async () => {
    const labels = { 'acr-credential-injector/inject': 'false' };
    put('a/without', [], { labels });
    put('a/with', [SECRET_NAME], { labels });
    await begin();
    await configure({ watchNamespaces: ['b'] });
    expect([namesAt('a/without'), namesAt('a/with')]).toEqual([[], [SECRET_NAME]]);
  });

  it('of a namespace that comes after them are attached then', async () => {
    put('late/app');
    await begin();
    expect(namesAt('late/app')).toEqual([]);
    api.put(namespaces, namespaceNamed('late'));
    await clock.pass(0);
    expect(namesAt('late/app')).toEqual([SECRET_NAME]);
  });

  it('of a namespace that is going are left alone', async () => {
    api.put(namespaces, { ...namespaceNamed('a'), status: { phase: 'Terminating' } });
    put('a/app');
    await begin();
    expect(namesAt('a/app')).toEqual([]);
  });

  it('are tried again when the API server refuses', async () => {
    api.intercept = ({ verb }) => {
      if (verb === 'jsonPatch' && failures.length < 3) throw refusal(500, 'InternalError');
    };
    put('a/app');
    await begin();
    await clock.pass(10_000);
    expect(failures).toEqual(['a/app', 'a/app', 'a/app']);
    expect(namesAt('a/app')).toEqual([SECRET_NAME]);
  });

  it('are attached soon although somebody else has been faster sixty times', async () => {
    put('a/app', ['entry']);
    let changes = 0;
    api.intercept = ({ verb }) => {
      if (verb === 'jsonPatch' && changes < 60) put('a/app', [`entry-${changes++}`]);
    };
    await begin();
    await clock.pass(2_000);
    expect(namesAt('a/app')).toEqual(['entry-59', SECRET_NAME]);
  });

  it('are patched at most 16 at once', async () => {
    let inFlight = 0;
    let most = 0;
    api.intercept = async ({ verb }) => {
      if (verb !== 'jsonPatch') return;
      most = Math.max(most, ++inFlight);
      await clock.sleep(10);
      inFlight--;
    };
    for (let index = 0; index < 60; index++) put(`a/sa-${index}`);
    await begin();
    await clock.pass(10_000);
    expect(most).toBe(16);
    expect(namesAt('a/sa-59')).toEqual([SECRET_NAME]);
  });
});

it('the first list of namespaces is not a reason to look through all ServiceAccounts for each', async () => {
  const entries = observed.serviceAccounts.entries.bind(observed.serviceAccounts);
  let looks = 0;
  observed.serviceAccounts.entries = () => {
    looks++;
    return entries();
  };
  for (let index = 0; index < 100; index++) api.put(namespaces, namespaceNamed(`ns-${index}`));
  put('ns-7/app');
  await begin();
  expect(looks).toBe(1);
  expect(namesAt('ns-7/app')).toEqual([SECRET_NAME]);
});

describe('what a configuration selects no longer', () => {
  beforeEach(async () => {
    put('a/app', ['theirs']);
    put('b/app');
    await begin();
  });

  it('is detached, and attached again when it selects it again', async () => {
    await configure({ watchNamespaces: ['b'] });
    expect([namesAt('a/app'), namesAt('b/app')]).toEqual([['theirs'], [SECRET_NAME]]);
    await configure({ watchNamespaces: 'all' });
    expect(namesAt('a/app')).toEqual(['theirs', SECRET_NAME]);
  });

  it('by a label of the namespace is detached, too', async () => {
    api.put(namespaces, namespaceNamed('a', { labels: { 'acr-credential-injector/inject': 'false' } }));
    await clock.pass(0);
    expect(namesAt('a/app')).toEqual(['theirs']);
  });

  it('is not touched without a configuration', async () => {
    config = undefined;
    reconciler.reconcileAll();
    await clock.pass(0);
    expect(namesAt('a/app')).toEqual(['theirs', SECRET_NAME]);
  });

  it('is detached whoever wrote its list', async () => {
    put('a/chart', [SECRET_NAME, 'theirs'], { managedFields: [listOwnedBy('helm')] });
    await clock.pass(0);
    await configure({ watchNamespaces: ['b'] });
    expect(namesAt('a/chart')).toEqual(['theirs']);
  });

  it('is detached once the API server lets it, also when tokens change meanwhile', async () => {
    put('a/chart', [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await clock.pass(0);
    api.intercept = () => {
      throw refusal(500, 'InternalError');
    };
    await configure({ watchNamespaces: ['b'] });
    reconciler.reconcileAll();
    api.intercept = () => undefined;
    await clock.pass(60_000);
    expect(namesAt('a/chart')).toEqual([]);
  });

  it('is detached where admission attached it, which only then is heard of', async () => {
    const told = Promise.withResolvers<undefined>();
    api.silence = told.promise;
    put('a/app', ['theirs', SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await configure({ watchNamespaces: ['b'] });
    told.resolve(undefined);
    await clock.pass(0);
    expect(namesAt('a/app')).toEqual(['theirs']);
  });

  it('is detached where its admission had begun before, and left to who names our Secret a minute later', async () => {
    const chart = { managedFields: [listOwnedBy('helm')] };
    put('a/later');
    await configure({ watchNamespaces: ['b'] });
    expect(namesAt('a/later')).toEqual([]);
    await clock.pass(59_000);
    put('a/app', [SECRET_NAME, 'theirs'], chart);
    await clock.pass(2_000);
    put('a/later', [SECRET_NAME], chart);
    await clock.pass(0);
    expect([namesAt('a/app'), namesAt('a/later')]).toEqual([['theirs'], [SECRET_NAME]]);
  });

  it('is left alone where somebody names our Secret in one that he makes after the edit', async () => {
    await configure({ watchNamespaces: ['b'] });
    put('a/chart', [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await clock.pass(0);
    reconciler.reconcileAll();
    await clock.pass(60_000);
    expect(namesAt('a/chart')).toEqual([SECRET_NAME]);
  });

  it('stays selected where an edit takes that back before it was carried out', async () => {
    put('a/chart', [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await clock.pass(0);
    config = configWith({ watchNamespaces: ['b'] });
    reconciler.reconcileAll();
    await configure({ watchNamespaces: 'all' });
    expect(namesAt('a/chart')).toEqual([SECRET_NAME]);
  });
});

describe('what no configuration has selected', () => {
  it('is detached, unless somebody else wrote our name into the list', async () => {
    config = configWith({ watchNamespaces: ['b'] });
    put('a/ours', [SECRET_NAME]);
    put('a/chart', [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await begin();
    expect(namesAt('a/ours')).toEqual([]);
    expect(namesAt('a/chart')).toEqual([SECRET_NAME]);
  });
});

describe('detaching a whole namespace', () => {
  it('takes the reference from every ServiceAccount but those that opted out, and waits until it is done', async () => {
    const labels = { 'acr-credential-injector/inject': 'false' };
    for (const key of ['a/one', 'a/two', 'b/one', 'ab/one']) put(key, [SECRET_NAME]);
    put('a/free', [SECRET_NAME], { labels });
    put('a/none');
    await clock.pass(0);
    await reconciler.detachNamespace('a', [SECRET_NAME]);
    expect(['a/one', 'a/two', 'a/free', 'b/one', 'ab/one'].map(namesAt)).toEqual([
      [],
      [],
      [SECRET_NAME],
      [SECRET_NAME],
      [SECRET_NAME],
    ]);
    expect(patchesOf('a/none')).toBe(0);
  });

  it('fails as a whole when one of them cannot be detached', async () => {
    put('a/one', [SECRET_NAME]);
    await clock.pass(0);
    api.intercept = () => {
      throw refusal(500, 'InternalError');
    };
    await expect(reconciler.detachNamespace('a', [SECRET_NAME])).rejects.toMatchObject({ status: 500 });
  });
});

describe('somebody who takes the entry out each time', () => {
  const takeOut = () => put('a/app', ['theirs'], { managedFields: [listOwnedBy('rival')] });

  it('is answered at once at first, then ever more slowly, and is named once', async () => {
    takeOut();
    await begin();
    const attached: number[] = [];
    for (let second = 0; second < 600; second++) {
      if (namesAt('a/app').includes(SECRET_NAME)) attached.push(second);
      takeOut();
      await clock.pass(1_000);
    }
    expect(attached.slice(0, 7)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(attached.length).toBeLessThan(18);
    expect(fights).toEqual([['app', 'rival']]);
  });

  it('is no rival of ServiceAccounts that come and go', async () => {
    await begin();
    for (let round = 0; round < 20; round++) {
      put('a/app');
      await clock.pass(500);
      expect(namesAt('a/app')).toEqual([SECRET_NAME]);
      api.remove(serviceAccounts, refAt('a/app'));
      await clock.pass(500);
    }
    expect(fights).toEqual([]);
  });

  it('is not made of configurations that change their mind', async () => {
    put('a/app');
    await begin();
    for (let round = 0; round < 20; round++) {
      await configure({ watchNamespaces: round % 2 === 0 ? ['b'] : ['a'] });
      await clock.pass(500);
      expect(namesAt('a/app')).toEqual(round % 2 === 0 ? [] : [SECRET_NAME]);
    }
    expect(fights).toEqual([]);
  });

  it('is not made of configurations that change their mind where admission attaches what is written meanwhile', async () => {
    put('a/app');
    await begin();
    for (let round = 0; round < 20; round++) {
      await configure({ watchNamespaces: ['b'] });
      expect(namesAt('a/app')).toEqual([]);
      config = configWith();
      put('a/app', [SECRET_NAME]);
      await clock.pass(500);
      await configure({});
    }
    expect(fights).toEqual([]);
  });
});

it('a ServiceAccount on its way out is left alone', async () => {
  put('a/app', undefined, { deletionTimestamp: '2026-01-02T03:04:05Z' });
  await begin();
  expect(patchesOf('a/app')).toBe(0);
});

it('a ServiceAccount that is deselected while it is being attached is detached, whoever owns its list', async () => {
  put('a/app', ['theirs'], { managedFields: [listOwnedBy('helm')] });
  let edits = 0;
  api.intercept = ({ verb }) => {
    if (verb !== 'jsonPatch' || edits++ > 0) return;
    config = configWith({ watchNamespaces: ['b'] });
    reconciler.reconcileAll();
  };
  await begin();
  expect(edits).toBeGreaterThan(1);
  expect(namesAt('a/app')).toEqual(['theirs']);
});

it('ServiceAccounts that an edit deselects are detached although the next edit comes before all were looked at', async () => {
  const keys = Array.from({ length: 3_000 }, (_, index) => `a/app-${index}`);
  for (const key of keys) put(key, [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
  await begin();
  config = configWith({ watchNamespaces: ['b'] });
  reconciler.reconcileAll();
  config = configWith({ watchNamespaces: ['b'], notifyEmail: 'a@example.com' });
  reconciler.reconcileAll();
  await clock.pass(1_000);
  expect(keys.filter((key) => namesAt(key).length > 0)).toEqual([]);
});
