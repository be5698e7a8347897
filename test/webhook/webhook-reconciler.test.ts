import { beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { MutatingWebhookConfiguration } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { isAsWanted } from '../../src/webhook/webhook-configuration.ts';
import { WebhookReconciler } from '../../src/webhook/webhook-reconciler.ts';
import { configWith } from '../builders/config.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

const { mutatingWebhookConfigurations, clusterRoles } = resources;
const ref = { name: 'zz-acr-credential-injector' };

let clock: ManualClock;
let api: MemoryApi;
let stop: AbortController;
let config: Config | undefined;
let caBundle: string | undefined;
let paused: boolean;
let changes: string[];
let contested: string[][];
let failures: unknown[];

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  config = configWith();
  caBundle = 'PEM';
  paused = false;
  changes = [];
  contested = [];
  failures = [];
});

function reconcilerWith(ownerClusterRole?: string): WebhookReconciler {
  return new WebhookReconciler({
    client: api,
    clock,
    address: { service: { namespace: 'acr', name: 'injector', port: 443 } },
    ownNamespace: 'acr',
    ownerClusterRole,
    config: () => config,
    paused: () => paused,
    caBundle: () => caBundle,
    serverMinor: () => 30,
    onWritten: (change) => changes.push(change),
    onContested: (managers) => contested.push(managers),
    onFailure: (error) => failures.push(error),
    onWatchRestart: () => undefined,
  });
}

/** Watches, and keeps the registration. */
async function leading(ownerClusterRole?: string): Promise<WebhookReconciler> {
  const reconciler = reconcilerWith(ownerClusterRole);
  void reconciler.run(stop.signal);
  reconciler.start(stop.signal);
  await clock.pass(0);
  return reconciler;
}

const stored = (): MutatingWebhookConfiguration | undefined => api.read(mutatingWebhookConfigurations, ref);
const writes = () => api.count({ verb: 'apply' }) + api.count({ verb: 'jsonPatch' });

/** Somebody edits the registration. */
async function edit(change: (registration: MutatingWebhookConfiguration) => void): Promise<void> {
  const registration = stored()!;
  change(registration);
  api.put(mutatingWebhookConfigurations, registration);
  await clock.pass(0);
}

describe('the registration', () => {
  it('is created when it is wanted', async () => {
    await leading();
    expect(stored()?.webhooks).toHaveLength(3);
    expect(changes).toEqual(['Created']);
  });

  it('is created also where its first list comes after all else', async () => {
    api.intercept = ({ verb }) => (verb === 'list' ? clock.sleep(5_000) : undefined);
    await leading();
    expect(changes).toEqual([]);
    await clock.pass(5_000);
    expect(changes).toEqual(['Created']);
  });

  it('is written once, however often there is a reason to look', async () => {
    const reconciler = await leading();
    for (let time = 0; time < 5; time++) reconciler.reconcile();
    await clock.pass(60_000);
    expect(writes()).toBe(1);
  });

  it('is not touched before there is a configuration, and something to serve', async () => {
    config = undefined;
    const reconciler = await leading();
    expect(writes()).toBe(0);
    config = configWith();
    caBundle = undefined;
    reconciler.reconcile();
    await clock.pass(0);
    expect(writes()).toBe(0);
    caBundle = 'PEM';
    paused = false;
    reconciler.reconcile();
    await clock.pass(0);
    expect(changes).toEqual(['Created']);
  });

  it('is left to the leader', async () => {
    const reconciler = reconcilerWith();
    void reconciler.run(stop.signal);
    reconciler.reconcile();
    await clock.pass(60_000);
    expect(writes()).toBe(0);
  });

  it('follows the configuration', async () => {
    const reconciler = await leading();
    config = configWith({ webhook: { enabled: true, failurePolicy: 'Fail', timeoutSeconds: 3 } });
    reconciler.reconcile();
    await clock.pass(0);
    expect(stored()?.webhooks?.[0]).toMatchObject({ failurePolicy: 'Fail', timeoutSeconds: 3 });
    expect(changes).toEqual(['Created', 'Repaired']);
  });

  it('follows the certificate', async () => {
    const reconciler = await leading();
    caBundle = 'PEM 2';
    expect(reconciler.isTrusted).toBe(false);
    reconciler.reconcile();
    await clock.pass(0);
    expect(reconciler.isTrusted).toBe(true);
  });

  it('is deleted when it is switched off, and created when it is switched on', async () => {
    const reconciler = await leading();
    const on = config;
    config = configWith({ webhook: { enabled: false, failurePolicy: 'Ignore', timeoutSeconds: 10 } });
    reconciler.reconcile();
    await clock.pass(0);
    expect(stored()).toBeUndefined();
    reconciler.reconcile();
    await clock.pass(0);
    config = on;
    reconciler.reconcile();
    await clock.pass(0);
    expect(changes).toEqual(['Created', 'Deleted', 'Created']);
  });

  it('that is gone already when it is to be deleted is no failure', async () => {
    const reconciler = await leading();
    api.silence = clock.sleep(1_000);
    api.endWatches();
    api.remove(mutatingWebhookConfigurations, ref);
    config = configWith({ webhook: { enabled: false, failurePolicy: 'Ignore', timeoutSeconds: 10 } });
    reconciler.reconcile();
    await clock.pass(60_000);
    expect(failures).toEqual([]);
    expect(changes).toEqual(['Created']);
  });
});

describe('what somebody else does to it', () => {
  it('is undone when it was deleted', async () => {
    await leading();
    api.remove(mutatingWebhookConfigurations, ref);
    await clock.pass(0);
    expect(changes).toEqual(['Created', 'Created']);
  });

  it.each<[string, (registration: MutatingWebhookConfiguration) => void]>([
    ['a policy was changed', ({ webhooks }) => (webhooks![0]!.failurePolicy = 'Fail')],
    [
      'a condition narrowed it',
      ({ webhooks }) => (webhooks![2]!.matchConditions = [{ name: 'x', expression: 'false' }]),
    ],
    ['an entry was added', ({ webhooks }) => webhooks!.push({ ...webhooks![0]!, name: 'x.example.com' })],
    ['an entry was removed', ({ webhooks }) => webhooks!.shift()],
    ['its label was taken', ({ metadata }) => (metadata.labels = { team: 'x' })],
  ])('is undone when %s', async (_, change) => {
    await leading();
    const wanted = stored()!;
    await edit(change);
    expect(isAsWanted(stored()!, wanted)).toBe(true);
    expect(stored()?.webhooks).toEqual(wanted.webhooks);
    expect(changes).toEqual(['Created', 'Repaired']);
  });

  it('again and again is repaired at once six times a minute, and the rival is named', async () => {
    await leading();
    for (let edits = 0; edits < 20; edits++) await edit(({ webhooks }) => void webhooks!.pop());
    expect(changes.filter((change) => change === 'Repaired')).toHaveLength(6);
    expect(contested.length).toBeGreaterThan(0);
    await clock.pass(60_000);
    expect(stored()?.webhooks).toHaveLength(3);
  });

  it('stays where it does no harm', async () => {
    await leading();
    await edit(({ metadata }) => Object.assign(metadata.labels!, { team: 'x' }));
    await edit(({ webhooks }) => (webhooks![0]!.failurePolicy = 'Fail'));
    expect(stored()?.metadata.labels).toMatchObject({ team: 'x' });
    expect(changes).toEqual(['Created', 'Repaired']);
  });

  it('at the same time as our repair is seen and repaired, too', async () => {
    await leading();
    let isFirst = true;
    api.intercept = ({ verb }) => {
      if (verb !== 'jsonPatch' || !isFirst) return;
      isFirst = false;
      const registration = stored()!;
      registration.webhooks!.pop();
      api.put(mutatingWebhookConfigurations, registration);
    };
    await edit(({ webhooks }) => (webhooks![0]!.failurePolicy = 'Fail'));
    await clock.pass(10_000);
    expect(stored()?.webhooks).toHaveLength(3);
    expect(failures).toMatchObject([{ status: 422 }]);
  });
});

describe('its owner', () => {
  const owners = () => stored()?.metadata.ownerReferences;
  const clusterRole = (uid: string) => api.put(clusterRoles, { metadata: { name: 'injector', uid } });

  it('is the ClusterRole of the chart, as it is now', async () => {
    clusterRole('u1');
    await leading('injector');
    expect(owners()).toEqual([
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'injector', uid: 'u1' },
    ]);
  });

  it('that was made anew is taken over at the next look', async () => {
    clusterRole('u1');
    const reconciler = await leading('injector');
    api.remove(clusterRoles, { name: 'injector' });
    clusterRole('u2');
    reconciler.reconcile();
    await clock.pass(0);
    expect(owners()).toMatchObject([{ uid: 'u2' }]);
  });

  it('that cannot be read holds the registration up, until it can', async () => {
    await leading('injector');
    expect(writes()).toBe(0);
    expect(failures).toMatchObject([{ status: 404 }]);
    clusterRole('u1');
    await clock.pass(60_000);
    expect(owners()).toMatchObject([{ uid: 'u1' }]);
  });
});

describe('whether requests come', () => {
  it('is told by what the API server holds', async () => {
    const reconciler = reconcilerWith();
    void reconciler.run(stop.signal);
    await reconciler.synced;
    expect(reconciler.isTrusted).toBe(false);
    expect(reconciler.isReached('team-a')).toBe(false);
    reconciler.start(stop.signal);
    await clock.pass(0);
    expect(reconciler.isTrusted).toBe(true);
    expect(reconciler.isReached('team-a')).toBe(true);
    expect(reconciler.isReached('kube-system')).toBe(false);
    api.remove(mutatingWebhookConfigurations, ref);
    api.intercept = () => {
      throw refusal(500, 'InternalError');
    };
    await clock.pass(0);
    expect(reconciler.isReached('team-a')).toBe(false);
  });
});
