import { beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import { resources } from '../../src/kube/resources.ts';
import { reaches, type ReachContext } from '../../src/webhook/reach.ts';
import { webhookConfiguration } from '../../src/webhook/webhook-configuration.ts';
import { WebhookReconciler } from '../../src/webhook/webhook-reconciler.ts';
import { configWith } from '../builders/config.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';

const contextWith = (fields: Partial<Config>): ReachContext => ({
  config: configWith(fields),
  ownNamespace: 'acr',
  serverMinor: 30,
});

/** Of each entry of the registration for the creation of Pods, its operator and names. */
function selectorsOf(fields: Partial<Config>): string[] {
  const address = { url: 'https://127.0.0.1/mutate' };
  const { webhooks = [] } = webhookConfiguration({ ...contextWith(fields), address, caBundle: 'PEM' });
  return webhooks
    .filter(({ name }) => name.startsWith('pod-create'))
    .flatMap(({ namespaceSelector }) => namespaceSelector?.matchExpressions ?? [])
    .filter(({ key }) => key === 'kubernetes.io/metadata.name')
    .map(({ operator, values = [] }) => `${operator} ${values.join(' ')}`);
}

describe('excluded namespaces', () => {
  it('that are named keep their requests away from the webhook', () => {
    const fields = { excludeNamespaces: ['team-z', 'test-*', 'kube-system'] };
    expect(selectorsOf(fields)).toEqual(['NotIn acr kube-node-lease kube-public kube-system team-z']);
    expect(reaches('team-z', contextWith(fields))).toBe(false);
    expect(reaches('test-1', contextWith(fields))).toBe(true);
  });

  it('are taken out of a list, globs too', () => {
    const fields = { watchNamespaces: ['team-b', 'test-1', 'team-a', 'kube-system'], excludeNamespaces: ['test-*'] };
    expect(selectorsOf(fields)).toEqual(['In team-a team-b', 'In kube-system']);
    expect(reaches('test-1', contextWith(fields))).toBe(false);
  });

  it('leave a registration that only tests itself where they are all that is watched', () => {
    const fields = { watchNamespaces: ['test-1'], excludeNamespaces: ['*'] };
    const context = { ...contextWith(fields), address: { url: 'https://127.0.0.1/mutate' }, caBundle: 'PEM' };
    const names = webhookConfiguration(context).webhooks?.map(({ name }) => name);
    expect(names).toEqual(['self-test.acr-credential-injector.local']);
  });
});

describe('the registration', () => {
  let api: MemoryApi;
  let clock: ManualClock;
  let config: Config | undefined;
  let paused: boolean;
  let changes: string[];
  let reconciler: WebhookReconciler;

  beforeEach(async () => {
    api = new MemoryApi();
    clock = new ManualClock();
    config = configWith();
    paused = false;
    changes = [];
    reconciler = new WebhookReconciler({
      client: api,
      clock,
      address: { url: 'https://127.0.0.1/mutate' },
      ownNamespace: 'acr',
      ownerClusterRole: undefined,
      config: () => config,
      paused: () => paused,
      caBundle: () => 'PEM',
      isVerifiedBy: (bundle) => bundle === 'PEM',
      serverMinor: () => 30,
      managedKeys: () => [],
      loopGuard: new LoopGuard({ clock, onFight: () => undefined }),
      onWritten: (change) => changes.push(change),
      onFailure: (error) => expect.unreachable(String(error)),
      onWatchRestart: () => undefined,
    });
    const { signal } = new AbortController();
    void reconciler.run(signal);
    reconciler.start(signal);
    await clock.pass(0);
  });

  const isThere = () =>
    api.read(resources.mutatingWebhookConfigurations, { name: 'zz-acr-credential-injector' }) !== undefined;

  async function change(): Promise<void> {
    reconciler.reconcile();
    await clock.pass(0);
  }

  it('is trusted also where nothing is to be reached', async () => {
    config = configWith({ watchNamespaces: ['a'], excludeNamespaces: ['a'] });
    await change();
    expect(reconciler.isTrusted).toBe(true);
    expect(reconciler.isReached('a')).toBe(false);
  });

  it('goes while all is paused, whatever the configuration says, and comes back', async () => {
    expect(isThere()).toBe(true);
    paused = true;
    await change();
    expect(isThere()).toBe(false);
    expect(reconciler.isReached('a')).toBe(false);
    paused = false;
    await change();
    expect(isThere()).toBe(true);
    expect(changes).toEqual(['Created', 'Deleted', 'Created']);
  });

  it('goes while all is paused, even where there is no configuration', async () => {
    config = undefined;
    await change();
    expect(isThere()).toBe(true);
    paused = true;
    await change();
    expect(isThere()).toBe(false);
  });
});
