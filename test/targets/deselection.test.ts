import { beforeEach, describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { configWith } from '../builders/config.ts';
import { listOwnedBy, namespaceNamed } from '../builders/kube-objects.ts';
import { refusal } from '../fakes/memory-api.ts';
import { SECRET_NAME } from '../fakes/observed-cluster.ts';
import { ReconciledAccounts } from '../fakes/reconciled-accounts.ts';

const { namespaces } = resources;

let world: ReconciledAccounts;

beforeEach(async () => {
  world = await ReconciledAccounts.create();
});

describe('what a configuration selects no longer', () => {
  beforeEach(async () => {
    world.put('a/app', ['theirs']);
    world.put('b/app');
    await world.begin();
  });

  it('is detached, and attached again when it selects it again', async () => {
    await world.configure({ watchNamespaces: ['b'] });
    expect([world.namesAt('a/app'), world.namesAt('b/app')]).toEqual([['theirs'], [SECRET_NAME]]);
    await world.configure({ watchNamespaces: 'all' });
    expect(world.namesAt('a/app')).toEqual(['theirs', SECRET_NAME]);
  });

  it('by a label of the namespace is detached, too', async () => {
    world.api.put(namespaces, namespaceNamed('a', { labels: { 'acr-credential-injector/inject': 'false' } }));
    await world.clock.pass(0);
    expect(world.namesAt('a/app')).toEqual(['theirs']);
  });

  it('is not touched without a configuration', async () => {
    world.config = undefined;
    world.reconciler.reconcileAll();
    await world.clock.pass(0);
    expect(world.namesAt('a/app')).toEqual(['theirs', SECRET_NAME]);
  });

  it('is detached whoever wrote its list', async () => {
    world.put('a/chart', [SECRET_NAME, 'theirs'], { managedFields: [listOwnedBy('helm')] });
    await world.clock.pass(0);
    await world.configure({ watchNamespaces: ['b'] });
    expect(world.namesAt('a/chart')).toEqual(['theirs']);
  });

  it('is detached once the API server lets it, also when tokens change meanwhile', async () => {
    world.put('a/chart', [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await world.clock.pass(0);
    world.api.intercept = () => {
      throw refusal(500, 'InternalError');
    };
    await world.configure({ watchNamespaces: ['b'] });
    world.reconciler.reconcileAll();
    world.api.intercept = () => undefined;
    await world.clock.pass(60_000);
    expect(world.namesAt('a/chart')).toEqual([]);
  });

  it('is detached where admission attached it, which only then is heard of', async () => {
    const told = Promise.withResolvers<undefined>();
    world.api.silence = told.promise;
    world.put('a/app', ['theirs', SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await world.configure({ watchNamespaces: ['b'] });
    told.resolve(undefined);
    await world.clock.pass(0);
    expect(world.namesAt('a/app')).toEqual(['theirs']);
  });

  it('is detached where its admission had begun before, and left to who names our Secret later', async () => {
    const chart = { managedFields: [listOwnedBy('helm')] };
    world.put('a/later');
    await world.configure({ watchNamespaces: ['b'] });
    expect(world.namesAt('a/later')).toEqual([]);
    await world.clock.pass(9_000);
    world.put('a/app', [SECRET_NAME, 'theirs'], chart);
    await world.clock.pass(2_000);
    world.put('a/later', [SECRET_NAME], chart);
    await world.clock.pass(0);
    expect([world.namesAt('a/app'), world.namesAt('a/later')]).toEqual([['theirs'], [SECRET_NAME]]);
  });

  it('is detached again where somebody puts it back while it is being detached', async () => {
    let answers = 0;
    world.api.beforeAnswer = ({ verb }) => {
      if (verb === 'jsonPatch' && answers++ === 0)
        world.put('a/app', [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    };
    await world.configure({ watchNamespaces: ['b'] });
    expect(answers).toBeGreaterThan(1);
    expect(world.namesAt('a/app')).toEqual([]);
  });

  it('is detached however late it was attached', async () => {
    const answered = Promise.withResolvers<undefined>();
    world.api.intercept = ({ verb }) => (verb === 'jsonPatch' ? answered.promise : undefined);
    world.put('a/slow', ['theirs'], { managedFields: [listOwnedBy('helm')] });
    await world.clock.pass(0);
    await world.configure({ watchNamespaces: ['b'] });
    await world.clock.pass(60_000);
    expect(world.patchesOf('a/slow')).toBe(1);
    answered.resolve(undefined);
    await world.clock.pass(0);
    expect(world.namesAt('a/slow')).toEqual(['theirs']);
  });

  it('is not what changes while everything is paused', async () => {
    const managedFields = [listOwnedBy('helm')];
    world.put('a/chart', [SECRET_NAME], { managedFields });
    await world.configure({ notifyEmail: 'a@example.com' });
    world.config = undefined;
    world.put('a/chart', [SECRET_NAME], { managedFields, labels: { team: 'a' } });
    await world.clock.pass(0);
    world.api.put(namespaces, namespaceNamed('a', { labels: { 'acr-credential-injector/inject': 'false' } }));
    await world.clock.pass(0);
    await world.configure({ notifyEmail: 'a@example.com' });
    expect(world.namesAt('a/chart')).toEqual([SECRET_NAME]);
  });

  it('is left alone where somebody names our Secret in one that he makes after the edit', async () => {
    await world.configure({ watchNamespaces: ['b'] });
    world.put('a/chart', [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await world.clock.pass(0);
    world.reconciler.reconcileAll();
    await world.clock.pass(60_000);
    expect(world.namesAt('a/chart')).toEqual([SECRET_NAME]);
  });

  it('stays selected where an edit takes that back before it was carried out', async () => {
    world.put('a/chart', [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
    await world.clock.pass(0);
    world.config = configWith({ watchNamespaces: ['b'] });
    world.reconciler.reconcileAll();
    await world.configure({ watchNamespaces: 'all' });
    expect(world.namesAt('a/chart')).toEqual([SECRET_NAME]);
  });
});

it('a ServiceAccount that is deselected while it is being attached is detached, whoever owns its list', async () => {
  world.put('a/app', ['theirs'], { managedFields: [listOwnedBy('helm')] });
  let edits = 0;
  world.api.intercept = ({ verb }) => {
    if (verb !== 'jsonPatch' || edits++ > 0) return;
    world.config = configWith({ watchNamespaces: ['b'] });
    world.reconciler.reconcileAll();
  };
  await world.begin();
  expect(edits).toBeGreaterThan(1);
  expect(world.namesAt('a/app')).toEqual(['theirs']);
});

it('ServiceAccounts that an edit deselects are detached although the next edit comes before all were looked at', async () => {
  const keys = Array.from({ length: 3_000 }, (_, index) => `a/app-${index}`);
  for (const key of keys) world.put(key, [SECRET_NAME], { managedFields: [listOwnedBy('helm')] });
  await world.begin();
  world.config = configWith({ watchNamespaces: ['b'] });
  world.reconciler.reconcileAll();
  world.config = configWith({ watchNamespaces: ['b'], notifyEmail: 'a@example.com' });
  world.reconciler.reconcileAll();
  await world.clock.pass(1_000);
  expect(keys.filter((key) => world.namesAt(key).length > 0)).toEqual([]);
});
