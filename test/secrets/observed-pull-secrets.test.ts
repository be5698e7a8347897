import { expect, it } from 'vitest';
import { observeCluster } from '../../src/app/cluster-state.ts';
import { refOf } from '../../src/kube/object-map.ts';
import { resources } from '../../src/kube/resources.ts';
import { secretAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

const observe = (api: MemoryApi, clock: ManualClock) =>
  observeCluster({ client: api, clock, secretName: 'pull', ownNamespace: 'acr', onWatchRestart: () => undefined })
    .pullSecrets;

it('the Secrets of all the names are one, and each name is watched for itself', async () => {
  const [api, clock, { signal }] = [new MemoryApi(), new ManualClock(), new AbortController()];
  api.put(resources.secrets, secretAt('a/pull-5'));
  api.put(resources.secrets, secretAt('a/pull-6'));
  const pullSecrets = observe(api, clock);
  const told: string[] = [];
  pullSecrets.subscribe((key) => told.push(key));
  expect(pullSecrets.hasSynced).toBe(false);
  void pullSecrets.run(signal);
  await clock.pass(0);
  expect(pullSecrets.hasSynced).toBe(true);
  api.put(resources.secrets, secretAt('b/pull'));
  await clock.pass(0);
  expect(told).toEqual(['a/pull-5', 'b/pull']);
  expect([pullSecrets.get(refOf('a/pull-5')), pullSecrets.get(refOf('b/pull'))]).not.toContain(undefined);
  expect(pullSecrets.get(refOf('a/pull-6'))).toBeUndefined();
  const selectors = api.calls.map(({ options }) => (options as { fieldSelector?: string }).fieldSelector);
  expect(new Set(selectors)).toEqual(
    new Set(['pull', 'pull-2', 'pull-3', 'pull-4', 'pull-5'].map((name) => `metadata.name=${name}`)),
  );
});

it('a missing right to those of further accounts holds up nothing, one to the first does', async () => {
  const [api, clock, { signal }] = [new MemoryApi(), new ManualClock(), new AbortController()];
  let refused = ['pull', 'pull-2'];
  api.intercept = ({ options }) => {
    const { fieldSelector = '' } = options as { fieldSelector?: string };
    if (refused.includes(fieldSelector.replace('metadata.name=', ''))) throw refusal(403, 'Forbidden');
  };
  const pullSecrets = observe(api, clock);
  void pullSecrets.run(signal);
  await clock.pass(60_000);
  expect(pullSecrets.hasSynced).toBe(false);
  refused = ['pull-2'];
  await clock.pass(60_000);
  expect(pullSecrets.hasSynced).toBe(true);
  await pullSecrets.synced;
});
