import { beforeEach, describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { configWith } from '../builders/config.ts';
import { listOwnedBy, namespaceNamed, refAt } from '../builders/kube-objects.ts';
import { refusal } from '../fakes/memory-api.ts';
import { SECRET_NAME } from '../fakes/observed-cluster.ts';
import { ReconciledAccounts } from '../fakes/reconciled-accounts.ts';

const { namespaces, serviceAccounts } = resources;

let world: ReconciledAccounts;

beforeEach(async () => {
  world = await ReconciledAccounts.create();
});

describe('ServiceAccounts of targets', () => {
  it('are attached at the start, when they appear, and when they lose the reference', async () => {
    world.put('a/old', ['theirs']);
    await world.begin();
    expect(world.namesAt('a/old')).toEqual(['theirs', SECRET_NAME]);
    world.put('b/new');
    world.put('a/old', ['theirs']);
    await world.clock.pass(0);
    expect(world.namesAt('b/new')).toEqual([SECRET_NAME]);
    expect(world.namesAt('a/old')).toEqual(['theirs', SECRET_NAME]);
  });

  it('are selected by namespace and by name', async () => {
    world.config = configWith({ watchNamespaces: ['a'], serviceAccounts: ['default'] });
    for (const key of ['a/default', 'a/other', 'b/default']) world.put(key);
    await world.begin();
    expect([world.namesAt('a/default'), world.namesAt('a/other'), world.namesAt('b/default')]).toEqual([
      [SECRET_NAME],
      [],
      [],
    ]);
  });

  it('that are right already are not touched, however often all is looked at', async () => {
    world.put('a/app', [SECRET_NAME]);
    await world.begin();
    world.reconciler.reconcileAll();
    world.reconciler.reconcileNamespace('a');
    await world.clock.pass(0);
    expect(world.api.count({ verb: 'get' })).toBe(0);
    expect(world.patchesOf('a/app')).toBe(0);
  });

  it('that were attached while a list of ours was left behind give it back', async () => {
    world.put('a/app', [SECRET_NAME], { managedFields: [listOwnedBy('acr-credential-injector')] });
    await world.begin();
    expect(world.patchesOf('a/app')).toBe(1);
  });

  it('wait for the first token', async () => {
    world.canAttach = false;
    world.put('a/app');
    await world.begin();
    expect(world.namesAt('a/app')).toEqual([]);
    world.canAttach = true;
    world.reconciler.reconcileAll();
    await world.clock.pass(0);
    expect(world.namesAt('a/app')).toEqual([SECRET_NAME]);
  });

  it('beside a Secret of somebody else are left alone until it goes', async () => {
    world.foreign = ['a'];
    world.put('a/app');
    world.put('b/app');
    await world.begin();
    expect([world.namesAt('a/app'), world.namesAt('b/app')]).toEqual([[], [SECRET_NAME]]);
    world.foreign = [];
    world.reconciler.reconcileNamespace('a');
    await world.clock.pass(0);
    expect(world.namesAt('a/app')).toEqual([SECRET_NAME]);
  });

  it('with the opt-out label are left alone, with and without the reference', async () => {
    const labels = { 'acr-credential-injector/inject': 'false' };
    world.put('a/without', [], { labels });
    world.put('a/with', [SECRET_NAME], { labels });
    await world.begin();
    await world.configure({ watchNamespaces: ['b'] });
    expect([world.namesAt('a/without'), world.namesAt('a/with')]).toEqual([[], [SECRET_NAME]]);
  });

  it('of a namespace that comes after them are attached then', async () => {
    world.put('late/app');
    await world.begin();
    expect(world.namesAt('late/app')).toEqual([]);
    world.api.put(namespaces, namespaceNamed('late'));
    await world.clock.pass(0);
    expect(world.namesAt('late/app')).toEqual([SECRET_NAME]);
  });

  it('of a namespace that is going are left alone', async () => {
    world.api.put(namespaces, { ...namespaceNamed('a'), status: { phase: 'Terminating' } });
    world.put('a/app');
    await world.begin();
    expect(world.namesAt('a/app')).toEqual([]);
  });

  it('are tried again when the API server refuses', async () => {
    world.api.intercept = ({ verb }) => {
      if (verb === 'jsonPatch' && world.failures.length < 3) throw refusal(500, 'InternalError');
    };
    world.put('a/app');
    await world.begin();
    await world.clock.pass(10_000);
    expect(world.failures).toEqual(['a/app', 'a/app', 'a/app']);
    expect(world.namesAt('a/app')).toEqual([SECRET_NAME]);
  });

  it('are attached soon although somebody else has been faster sixty times', async () => {
    world.put('a/app', ['entry']);
    let changes = 0;
    world.api.intercept = ({ verb }) => {
      if (verb === 'jsonPatch' && changes < 60) world.put('a/app', [`entry-${changes++}`]);
    };
    await world.begin();
    // Ten waits, of which none is longer than 2 s.
    await world.clock.pass(12_000);
    expect(world.namesAt('a/app')).toEqual(['entry-59', SECRET_NAME]);
  });

  it('are patched at most 16 at once', async () => {
    let inFlight = 0;
    let most = 0;
    world.api.intercept = async ({ verb }) => {
      if (verb !== 'jsonPatch') return;
      most = Math.max(most, ++inFlight);
      await world.clock.sleep(10);
      inFlight--;
    };
    for (let index = 0; index < 60; index++) world.put(`a/sa-${index}`);
    await world.begin();
    await world.clock.pass(10_000);
    expect(most).toBe(16);
    expect(world.namesAt('a/sa-59')).toEqual([SECRET_NAME]);
  });
});

it('the first list of namespaces is not a reason to look through all ServiceAccounts for each', async () => {
  const entries = world.observed.serviceAccounts.entries.bind(world.observed.serviceAccounts);
  let looks = 0;
  world.observed.serviceAccounts.entries = () => {
    looks++;
    return entries();
  };
  for (let index = 0; index < 100; index++) world.api.put(namespaces, namespaceNamed(`ns-${index}`));
  world.put('ns-7/app');
  await world.begin();
  expect(looks).toBe(1);
  expect(world.namesAt('ns-7/app')).toEqual([SECRET_NAME]);
});

describe('what no configuration has selected', () => {
  it('is detached, unless somebody else wrote our name into the list', async () => {
    world.config = configWith({ watchNamespaces: ['b'] });
    world.put('a/ours', [SECRET_NAME]);
    world.put('a/chart', [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await world.begin();
    expect(world.namesAt('a/ours')).toEqual([]);
    expect(world.namesAt('a/chart')).toEqual([SECRET_NAME]);
  });
});

describe('detaching a whole namespace', () => {
  it('takes the reference from every ServiceAccount but those that opted out, and waits until it is done', async () => {
    const labels = { 'acr-credential-injector/inject': 'false' };
    for (const key of ['a/one', 'a/two', 'b/one', 'ab/one']) world.put(key, [SECRET_NAME]);
    world.put('a/free', [SECRET_NAME], { labels });
    world.put('a/none');
    await world.clock.pass(0);
    await world.reconciler.detachNamespace('a', [SECRET_NAME]);
    expect(['a/one', 'a/two', 'a/free', 'b/one', 'ab/one'].map((key) => world.namesAt(key))).toEqual([
      [],
      [],
      [SECRET_NAME],
      [SECRET_NAME],
      [SECRET_NAME],
    ]);
    expect(world.patchesOf('a/none')).toBe(0);
  });

  it('fails as a whole when one of them cannot be detached', async () => {
    world.put('a/one', [SECRET_NAME]);
    await world.clock.pass(0);
    world.api.intercept = () => {
      throw refusal(500, 'InternalError');
    };
    await expect(world.reconciler.detachNamespace('a', [SECRET_NAME])).rejects.toMatchObject({ status: 500 });
  });
});

describe('somebody who takes the entry out each time', () => {
  const takeOut = () => world.put('a/app', ['theirs'], { managedFields: [listOwnedBy('rival')] });

  it('is answered at once at first, then ever more slowly, and is named once', async () => {
    takeOut();
    await world.begin();
    const attached: number[] = [];
    for (let second = 0; second < 600; second++) {
      if (world.namesAt('a/app').includes(SECRET_NAME)) attached.push(second);
      takeOut();
      await world.clock.pass(1_000);
    }
    expect(attached.slice(0, 7)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(attached.length).toBeLessThan(18);
    expect(world.fights).toEqual([['app', 'rival']]);
  });

  it('is no rival of ServiceAccounts that come and go', async () => {
    await world.begin();
    for (let round = 0; round < 20; round++) {
      world.put('a/app');
      await world.clock.pass(500);
      expect(world.namesAt('a/app')).toEqual([SECRET_NAME]);
      world.api.remove(serviceAccounts, refAt('a/app'));
      await world.clock.pass(500);
    }
    expect(world.fights).toEqual([]);
  });

  it('is not made of configurations that change their mind', async () => {
    world.put('a/app');
    await world.begin();
    for (let round = 0; round < 20; round++) {
      await world.configure({ watchNamespaces: round % 2 === 0 ? ['b'] : ['a'] });
      await world.clock.pass(500);
      expect(world.namesAt('a/app')).toEqual(round % 2 === 0 ? [] : [SECRET_NAME]);
    }
    expect(world.fights).toEqual([]);
  });

  it('is not made of configurations that change their mind where admission attaches what is written meanwhile', async () => {
    world.put('a/app');
    await world.begin();
    for (let round = 0; round < 20; round++) {
      await world.configure({ watchNamespaces: ['b'] });
      expect(world.namesAt('a/app')).toEqual([]);
      world.config = configWith();
      world.put('a/app', [SECRET_NAME]);
      await world.clock.pass(500);
      await world.configure({});
    }
    expect(world.fights).toEqual([]);
  });
});

it('a ServiceAccount on its way out is left alone', async () => {
  world.put('a/app', undefined, { deletionTimestamp: '2026-01-02T03:04:05Z' });
  await world.begin();
  expect(world.patchesOf('a/app')).toBe(0);
});
