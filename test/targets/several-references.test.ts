import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServiceAccount } from '../../src/kube/objects.ts';
import type { SecretReferences } from '../../src/targets/secret-references.ts';
import { configWith } from '../builders/config.ts';
import { listOwnedBy } from '../builders/kube-objects.ts';
import { ReconciledAccounts } from '../fakes/reconciled-accounts.ts';

let world: ReconciledAccounts;

beforeEach(async () => {
  world = await ReconciledAccounts.create();
  world.wanted = { attach: ['pull', 'pull-2'], keep: ['pull', 'pull-2'] };
  await world.begin();
});

afterEach(() => {
  expect(world.failures).toEqual([]);
});

async function put(names: string[], metadata?: ServiceAccount['metadata']): Promise<void> {
  world.put('a/app', names, metadata);
  await world.clock.pass(0);
}

async function want(references: SecretReferences): Promise<void> {
  world.wanted = references;
  world.reconciler.reconcileAll();
  await world.clock.pass(0);
}

describe('the references to several pull Secrets', () => {
  it('are appended at once, in their order', async () => {
    await put(['theirs']);
    expect(world.namesAt('a/app')).toEqual(['theirs', 'pull', 'pull-2']);
    expect(world.patchesOf('a/app')).toBe(1);
  });

  it('are completed where one is there', async () => {
    await put(['pull-2', 'theirs']);
    expect(world.namesAt('a/app')).toEqual(['pull-2', 'theirs', 'pull']);
  });

  it('go one by one when a Secret is needed no longer, and nothing else is touched', async () => {
    await put(['theirs']);
    await want({ attach: ['pull'], keep: ['pull'] });
    expect(world.namesAt('a/app')).toEqual(['theirs', 'pull']);
    const before = world.patchesOf('a/app');
    await want({ attach: ['pull'], keep: ['pull'] });
    expect(world.patchesOf('a/app')).toBe(before);
  });

  it('stay while it is not certain that they are needed no longer', async () => {
    await put([]);
    await want({ attach: ['pull'], keep: ['pull', 'pull-2'] });
    expect(world.namesAt('a/app')).toEqual(['pull', 'pull-2']);
  });

  it('stay in a list that somebody else wrote, until their Secret goes', async () => {
    await put(['pull', 'pull-2'], { managedFields: [listOwnedBy('helm')] });
    await want({ attach: ['pull'], keep: ['pull'] });
    expect(world.namesAt('a/app')).toEqual(['pull', 'pull-2']);
    await world.reconciler.detachNamespace('a', ['pull-2']);
    expect(world.namesAt('a/app')).toEqual(['pull']);
  });

  it('all go when the ServiceAccount is selected no longer', async () => {
    await put(['theirs']);
    world.config = configWith({ serviceAccounts: ['other'] });
    await want(world.wanted);
    expect(world.namesAt('a/app')).toEqual(['theirs']);
  });

  it('are left to our own admission where that is reached, and patched where it did not do it', async () => {
    world.isReached = true;
    world.api.admit = (object) => ({ ...object, imagePullSecrets: [{ name: 'pull' }, { name: 'pull-2' }] });
    await put([]);
    expect(world.patchesOf('a/app')).toBe(1);
    world.api.admit = (object) => object;
    await put([]);
    expect(world.namesAt('a/app')).toEqual(['pull', 'pull-2']);
    expect(world.patchesOf('a/app')).toBe(3);
  });
});

describe('while all is paused', () => {
  it('nothing is touched; afterwards what was deselected meanwhile is detached, whoever wrote its list', async () => {
    await put(['theirs'], { managedFields: [listOwnedBy('helm')] });
    await put(['theirs', 'pull', 'pull-2'], { managedFields: [listOwnedBy('helm')] });
    const before = world.patchesOf('a/app');
    world.config = undefined;
    await want(world.wanted);
    expect(world.patchesOf('a/app')).toBe(before);
    world.config = configWith({ serviceAccounts: ['other'] });
    await want(world.wanted);
    expect(world.namesAt('a/app')).toEqual(['theirs']);
  });
});
