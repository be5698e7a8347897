import { beforeEach, describe, expect, it } from 'vitest';
import type { ObservedCluster } from '../../src/app/cluster-state.ts';
import type { Config } from '../../src/config/config.ts';
import type { ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import type { SecretReferences } from '../../src/targets/secret-references.ts';
import { ServiceAccountReconciler } from '../../src/targets/service-account-reconciler.ts';
import { ServiceAccountWriter } from '../../src/targets/service-account-writer.ts';
import { configWith } from '../builders/config.ts';
import { listOwnedBy, namespaceNamed, refAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';
import { openGuard } from '../fakes/open-guard.ts';
import { observedCluster } from '../fakes/observed-cluster.ts';

const { serviceAccounts, namespaces } = resources;

let api: MemoryApi;
let clock: ManualClock;
let observed: ObservedCluster;
let config: Config | undefined;
let wanted: SecretReferences;
let isReached: boolean;
let reconciler: ServiceAccountReconciler;

beforeEach(async () => {
  api = new MemoryApi();
  clock = new ManualClock();
  const { signal } = new AbortController();
  config = configWith();
  wanted = { attach: ['pull', 'pull-2'], keep: ['pull', 'pull-2'] };
  isReached = false;
  api.put(namespaces, namespaceNamed('a'));
  observed = await observedCluster(api, clock, signal);
  reconciler = new ServiceAccountReconciler({
    clock,
    rules: () => config,
    namespaces: observed.namespaces,
    serviceAccounts: observed.serviceAccounts,
    writer: new ServiceAccountWriter({
      client: api,
      serviceAccounts: observed.serviceAccounts,
      reachedByWebhook: () => isReached,
      onPatched: () => undefined,
    }),
    references: () => wanted,
    loopGuard: openGuard,
    onFailure: (_key, error) => expect.unreachable(String(error)),
  });
  reconciler.start(signal);
});

async function put(names: string[], metadata?: ServiceAccount['metadata']): Promise<void> {
  api.put(serviceAccounts, serviceAccountAt('a/app', names, metadata));
  await clock.pass(0);
}

async function want(references: SecretReferences): Promise<void> {
  wanted = references;
  reconciler.reconcileAll();
  await clock.pass(0);
}

const names = () => {
  const account: ServiceAccount | undefined = api.read(serviceAccounts, refAt('a/app'));
  return account?.imagePullSecrets?.map(({ name }) => name) ?? [];
};
const patches = () => api.count({ verb: 'jsonPatch' });

describe('the references to several pull Secrets', () => {
  it('are appended at once, in their order', async () => {
    await put(['theirs']);
    expect(names()).toEqual(['theirs', 'pull', 'pull-2']);
    expect(patches()).toBe(1);
  });

  it('are completed where one is there', async () => {
    await put(['pull-2', 'theirs']);
    expect(names()).toEqual(['pull-2', 'theirs', 'pull']);
  });

  it('go one by one when a Secret is needed no longer, and nothing else is touched', async () => {
    await put(['theirs']);
    await want({ attach: ['pull'], keep: ['pull'] });
    expect(names()).toEqual(['theirs', 'pull']);
    const before = patches();
    await want({ attach: ['pull'], keep: ['pull'] });
    expect(patches()).toBe(before);
  });

  it('stay while it is not certain that they are needed no longer', async () => {
    await put([]);
    await want({ attach: ['pull'], keep: ['pull', 'pull-2'] });
    expect(names()).toEqual(['pull', 'pull-2']);
  });

  it('stay in a list that somebody else wrote, until their Secret goes', async () => {
    await put(['pull', 'pull-2'], { managedFields: [listOwnedBy('helm')] });
    await want({ attach: ['pull'], keep: ['pull'] });
    expect(names()).toEqual(['pull', 'pull-2']);
    await reconciler.detachNamespace('a', ['pull-2']);
    expect(names()).toEqual(['pull']);
  });

  it('all go when the ServiceAccount is selected no longer', async () => {
    await put(['theirs']);
    config = configWith({ serviceAccounts: ['other'] });
    await want(wanted);
    expect(names()).toEqual(['theirs']);
  });

  it('are left to our own admission where that is reached, and patched where it did not do it', async () => {
    isReached = true;
    api.admit = (object) => ({ ...object, imagePullSecrets: [{ name: 'pull' }, { name: 'pull-2' }] });
    await put([]);
    expect(patches()).toBe(1);
    api.admit = (object) => object;
    await put([]);
    expect(names()).toEqual(['pull', 'pull-2']);
    expect(patches()).toBe(3);
  });
});

describe('while all is paused', () => {
  it('nothing is touched; afterwards what was deselected meanwhile is detached, whoever wrote its list', async () => {
    await put(['theirs'], { managedFields: [listOwnedBy('helm')] });
    await put(['theirs', 'pull', 'pull-2'], { managedFields: [listOwnedBy('helm')] });
    const before = patches();
    config = undefined;
    await want(wanted);
    expect(patches()).toBe(before);
    config = configWith({ serviceAccounts: ['other'] });
    await want(wanted);
    expect(names()).toEqual(['theirs']);
  });
});
