import { beforeEach, describe, expect, it } from 'vitest';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import type { MutatingWebhookConfiguration } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { WebhookReconciler } from '../../src/webhook/webhook-reconciler.ts';
import { configWith } from '../builders/config.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

const { mutatingWebhookConfigurations, clusterRoles } = resources;
const ref = { name: 'zz-acr-credential-injector' };

let clock: ManualClock;
let api: MemoryApi;
let caBundle: string;
let changes: string[];
let failures: unknown[];

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  caBundle = 'PEM';
  changes = [];
  failures = [];
});

/** Watches, and keeps the registration. */
async function leading(): Promise<WebhookReconciler> {
  const config = configWith();
  const reconciler = new WebhookReconciler({
    client: api,
    clock,
    address: { url: 'https://127.0.0.1/mutate' },
    ownNamespace: 'acr',
    ownerClusterRole: 'injector',
    config: () => config,
    paused: () => false,
    caBundle: () => caBundle,
    isVerifiedBy: (bundle) => bundle === caBundle,
    serverMinor: () => 30,
    managedKeys: () => undefined,
    loopGuard: new LoopGuard({ clock, onFight: () => undefined }),
    onWritten: (change) => changes.push(change),
    onFailure: (error) => failures.push(error),
    onWatchRestart: () => undefined,
  });
  const { signal } = new AbortController();
  void reconciler.run(signal);
  reconciler.start(signal);
  await clock.pass(0);
  return reconciler;
}

const stored = (): MutatingWebhookConfiguration | undefined => api.read(mutatingWebhookConfigurations, ref);

describe('the owner of the registration', () => {
  const owners = () => stored()?.metadata.ownerReferences;
  const clusterRole = (uid: string) => api.put(clusterRoles, { metadata: { name: 'injector', uid } });

  it('is the ClusterRole of the chart, as it is now', async () => {
    clusterRole('u1');
    await leading();
    expect(owners()).toEqual([
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'injector', uid: 'u1' },
    ]);
  });

  it('that was made anew is taken over at the next look', async () => {
    clusterRole('u1');
    const reconciler = await leading();
    api.remove(clusterRoles, { name: 'injector' });
    clusterRole('u2');
    reconciler.reconcile();
    await clock.pass(0);
    expect(owners()).toMatchObject([{ uid: 'u2' }]);
  });

  it.each([
    [403, 'Forbidden'],
    [503, 'ServiceUnavailable'],
  ])('stays as it is stored while reading it is answered by %i, and all else is repaired', async (status, reason) => {
    clusterRole('u1');
    const reconciler = await leading();
    api.intercept = ({ resource }) => {
      if (resource === 'clusterroles') throw refusal(status, reason);
    };
    caBundle = 'PEM 2';
    reconciler.reconcile();
    await clock.pass(0);
    expect(reconciler.isTrusted).toBe(true);
    expect(owners()).toMatchObject([{ uid: 'u1' }]);
    expect(changes).toEqual(['Created', 'Repaired']);
    api.remove(mutatingWebhookConfigurations, ref);
    await clock.pass(60_000);
    expect(stored()).toBeUndefined();
    expect(failures[0]).toMatchObject({ status });
  });

  it('that is gone takes the registration with it, which is not written any more', async () => {
    clusterRole('u1');
    const reconciler = await leading();
    api.remove(clusterRoles, { name: 'injector' });
    caBundle = 'PEM 2';
    reconciler.reconcile();
    await clock.pass(60_000);
    expect(changes).toEqual(['Created']);
    expect(failures[0]).toMatchObject({ status: 404 });
  });

  it('that cannot be read holds the registration up, until it can', async () => {
    await leading();
    expect(changes).toEqual([]);
    expect(failures).toMatchObject([{ status: 404 }]);
    clusterRole('u1');
    await clock.pass(60_000);
    expect(owners()).toMatchObject([{ uid: 'u1' }]);
  });
});
