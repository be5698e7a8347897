import { beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { MutatingWebhookConfiguration } from '../../src/kube/objects.ts';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import { resources } from '../../src/kube/resources.ts';
import { isAsWanted } from '../../src/webhook/registration-drift.ts';
import { WebhookReconciler } from '../../src/webhook/webhook-reconciler.ts';
import { configWith } from '../builders/config.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

const { mutatingWebhookConfigurations } = resources;
const ref = { name: 'zz-acr-credential-injector' };

let clock: ManualClock;
let api: MemoryApi;
let stop: AbortController;
let config: Config | undefined;
let caBundle: string | undefined;
let paused: boolean;
let changes: string[];
let serverMinor: number;
let keys: string[] | undefined;
let contested: (readonly string[])[];
let failures: unknown[];

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  config = configWith();
  caBundle = 'PEM';
  paused = false;
  changes = [];
  serverMinor = 30;
  keys = undefined;
  contested = [];
  failures = [];
});

function newReconciler(): WebhookReconciler {
  return new WebhookReconciler({
    client: api,
    clock,
    address: { service: { namespace: 'acr', name: 'injector', port: 443 } },
    ownNamespace: 'acr',
    ownerClusterRole: undefined,
    config: () => config,
    paused: () => paused,
    caBundle: () => caBundle,
    isVerifiedBy: (bundle) => bundle === caBundle,
    serverMinor: () => serverMinor,
    managedKeys: () => keys,
    loopGuard: new LoopGuard({ clock, onFight: (_object, rivals) => contested.push(rivals) }),
    onWritten: (change) => changes.push(change),
    onFailure: (error) => failures.push(error),
    onWatchRestart: () => undefined,
  });
}

/** Watches, and keeps the registration. */
async function leading(): Promise<WebhookReconciler> {
  const reconciler = newReconciler();
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
    expect(stored()?.webhooks).toHaveLength(4);
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
    const reconciler = newReconciler();
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

  it('again and again is repaired at once six times a minute, then slowly, and the rival is named', async () => {
    await leading();
    const rival = { manager: 'rival', time: '2026-01-01T00:00:00Z' };
    const undo = (registration: MutatingWebhookConfiguration) => {
      registration.webhooks!.pop();
      registration.metadata.managedFields = [rival];
    };
    for (let edits = 0; edits < 20; edits++) await edit(undo);
    expect(changes.filter((change) => change === 'Repaired')).toHaveLength(6);
    expect(contested).toEqual([['rival']]);
    await clock.pass(60_000);
    expect(stored()?.webhooks).toHaveLength(4);
  });

  it('again and again is undone slowly also when it is deleted each time', async () => {
    await leading();
    for (let deletions = 0; deletions < 20; deletions++) {
      api.remove(mutatingWebhookConfigurations, ref);
      await clock.pass(0);
    }
    expect(changes).toHaveLength(7);
    await clock.pass(60_000);
    expect(stored()).toBeDefined();
  });

  it.each<[string, () => unknown]>([
    ['it is switched off', () => (config = configWith({ webhook: { ...configWith().webhook, enabled: false } }))],
    ['all is paused', () => (paused = true)],
  ])('again and again while %s is taken away at once, then slowly, and the rival is named', async (_, switchOff) => {
    const reconciler = await leading();
    const made = { ...stored()!, metadata: { ...ref, managedFields: [{ manager: 'rival' }] } };
    switchOff();
    reconciler.reconcile();
    await clock.pass(0);
    expect(changes).toEqual(['Created', 'Deleted']);
    for (let time = 0; time < 600; time++) {
      api.put(mutatingWebhookConfigurations, made);
      await clock.pass(100);
    }
    expect(changes.length).toBeLessThan(20);
    expect(contested).toEqual([['rival']]);
    await clock.pass(300_000);
    expect(stored()).toBeUndefined();
  });

  it('does not keep it there when it is to go, however much it is fought over', async () => {
    const reconciler = await leading();
    for (let edits = 0; edits < 20; edits++) await edit(({ webhooks }) => webhooks!.pop());
    paused = true;
    reconciler.reconcile();
    await clock.pass(0);
    expect(stored()).toBeUndefined();
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
    expect(stored()?.webhooks).toHaveLength(4);
    expect(failures).toMatchObject([{ status: 422 }]);
  });
});

describe('whether requests come', () => {
  it('is told by what the API server holds', async () => {
    const reconciler = newReconciler();
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

describe('conditions', () => {
  const conditions = () => stored()?.webhooks?.map(({ matchConditions = [] }) => matchConditions.length);
  const expression = () => stored()?.webhooks?.[2]?.matchConditions?.[0]?.expression;

  it('keep away Pods without an image of a managed registry, and follow the registries', async () => {
    keys = ['a.example.com'];
    const reconciler = await leading();
    expect(conditions()).toEqual([0, 0, 1, 0]);
    keys = ['a.example.com', 'b.example.com'];
    await reconciler.caughtUp();
    expect(expression()).toContain("['a.example.com', 'b.example.com']");
    keys = ['*.example.com'];
    await reconciler.caughtUp();
    expect(conditions()).toEqual([0, 0, 0, 0]);
  });

  it.each([
    ['before 1.30', 29, ['a.example.com']],
    ['while the keys cannot be told', 30, undefined],
  ])('are not written %s', async (_, minor, known) => {
    [serverMinor, keys] = [minor, known];
    await leading();
    expect(conditions()).toEqual([0, 0, 0, 0]);
  });

  it('that the server drops are not asked for again, until it is another server', async () => {
    const reconciler = await leading();
    api.admit = (object) => {
      const { webhooks = [] } = object as MutatingWebhookConfiguration;
      for (const webhook of webhooks) delete webhook.matchConditions;
      return object;
    };
    keys = ['a.example.com'];
    await reconciler.caughtUp();
    await clock.pass(120_000);
    expect(conditions()).toEqual([0, 0, 0, 0]);
    expect(writes()).toBe(2);
    expect(contested).toEqual([]);
    api.admit = (registration) => registration;
    serverMinor = 31;
    reconciler.reconcile();
    await clock.pass(0);
    expect(conditions()).toEqual([0, 0, 1, 0]);
  });

  it('that somebody takes away are put back', async () => {
    keys = ['a.example.com'];
    await leading();
    await edit(({ webhooks }) => delete webhooks![2]!.matchConditions);
    expect(conditions()).toEqual([0, 0, 1, 0]);
    await edit(({ webhooks }) => (webhooks![2]!.matchConditions![0]!.expression = 'false'));
    expect(expression()).not.toBe('false');
    expect(changes).toEqual(['Created', 'Repaired', 'Repaired']);
  });
});

describe('whoever waits for the registration', () => {
  it('goes on when it is written', async () => {
    const reconciler = await leading();
    keys = ['a.example.com'];
    let isWritten = false;
    api.intercept = async ({ verb }) => {
      if (verb === 'jsonPatch') await clock.sleep(300);
      isWritten = true;
    };
    const goesOn = reconciler.caughtUp().then(() => isWritten);
    await clock.pass(299);
    expect(isWritten).toBe(false);
    await clock.pass(1);
    expect(await goesOn).toBe(true);
  });

  it('is not held up by an API server that does not answer, or refuses', async () => {
    const reconciler = await leading();
    keys = ['a.example.com'];
    api.intercept = ({ verb }) => (verb === 'jsonPatch' ? clock.sleep(60_000) : undefined);
    let goesOn = false;
    void reconciler.caughtUp().then(() => (goesOn = true));
    await clock.pass(999);
    expect(goesOn).toBe(false);
    await clock.pass(1);
    expect(goesOn).toBe(true);
  });

  it('does not wait where another replica keeps it', async () => {
    const reconciler = newReconciler();
    void reconciler.run(stop.signal);
    await reconciler.caughtUp();
    expect(writes()).toBe(0);
  });
});

describe('since when requests have come', () => {
  it('is told from the moment the registration is trusted, and anew for every configuration', async () => {
    const reconciler = await leading();
    const first = clock.now();
    await clock.pass(5_000);
    expect(reconciler.reachedSince('team-a')).toBe(first);
    expect(reconciler.reachedSince('kube-system')).toBeUndefined();
    config = configWith({ watchNamespaces: ['team-a'] });
    reconciler.reconcile();
    await clock.pass(5_000);
    expect(reconciler.reachedSince('team-a')).toBe(first + 5_000);
    expect(reconciler.reachedSince('team-b')).toBeUndefined();
  });

  it('begins again after the registration was away', async () => {
    const reconciler = await leading();
    await clock.pass(5_000);
    api.remove(mutatingWebhookConfigurations, ref);
    await clock.pass(0);
    expect(reconciler.reachedSince('team-a')).toBe(clock.now());
  });
});
