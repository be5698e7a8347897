import { beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { ObservedServiceAccount } from '../../src/targets/service-account-drift.ts';
import type { ObservedNamespace } from '../../src/targets/target-selector.ts';
import { resources } from '../../src/kube/resources.ts';
import { isMissed, MissedInjections } from '../../src/webhook/missed-injections.ts';
import { configWith } from '../builders/config.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';
import { observedCluster, SECRET_NAME } from '../fakes/observed-cluster.ts';

type Seen = Pick<ObservedServiceAccount, 'references' | 'optedOut' | 'createdAt'>;
const bare: Seen = { references: [], optedOut: false, createdAt: 60_000 };

describe('a ServiceAccount, as it was first seen,', () => {
  it.each<[string, boolean, Seen, number | undefined]>([
    ['without a reference was missed', true, bare, 0],
    ['made five seconds after requests began to come was missed', true, bare, 55_000],
    ['made sooner may have been made before the API server knew of us', false, bare, 55_001],
    ['made before requests came was not', false, bare, 70_000],
    ['that has a reference was not', false, { ...bare, references: ['pull'] }, 0],
    ['that is opted out was not', false, { ...bare, optedOut: true }, 0],
    ['where no requests come was not', false, bare, undefined],
    ['of which nobody knows when it was made was not', false, { ...bare, createdAt: Number.NaN }, 0],
  ])('%s', (_, expected, account, reachedSince) => {
    expect(isMissed(account, reachedSince)).toBe(expected);
  });
});

describe('what is told of missed injections', () => {
  let api: MemoryApi;
  let clock: ManualClock;
  let rules: Config | undefined;
  let reachedSince: number | undefined;
  let attach: string[];
  let missed: string[];
  let term: AbortController;

  beforeEach(async () => {
    api = new MemoryApi();
    clock = new ManualClock();
    rules = configWith();
    reachedSince = clock.now();
    attach = [SECRET_NAME];
    missed = [];
    term = new AbortController();
    const observed = await observedCluster(api, clock, new AbortController().signal);
    const missedInjections = new MissedInjections({
      rules: () => rules,
      namespaces: observed.namespaces,
      serviceAccounts: observed.serviceAccounts,
      references: () => ({ attach, keep: attach }),
      reachedSince: () => reachedSince,
      onMissed: ({ namespace, name }) => missed.push(`${namespace}/${name}`),
    });
    missedInjections.start(term.signal);
    await clock.pass(60_000);
  });

  async function make(name: string, fields: { labels?: Record<string, string>; attached?: boolean } = {}) {
    const creationTimestamp = new Date(clock.now()).toISOString();
    api.put(resources.serviceAccounts, {
      metadata: { namespace: 'team-a', name, creationTimestamp, labels: fields.labels },
      ...(fields.attached && { imagePullSecrets: [{ name: SECRET_NAME }] }),
    });
    await clock.pass(0);
  }
  const putNamespace = (fields: Partial<ObservedNamespace> = {}) => {
    const labels: Record<string, string> = fields.optedOut ? { 'acr-credential-injector/inject': 'false' } : {};
    api.put(resources.namespaces, {
      metadata: { name: 'team-a', labels, ...(fields.terminating && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    });
    return clock.pass(0);
  };

  it('is each one once, whether its namespace has been seen or not', async () => {
    await make('a');
    await putNamespace();
    await make('b');
    await make('b', { labels: { edited: 'true' } });
    expect(missed).toEqual(['team-a/a', 'team-a/b']);
  });

  it('is nothing of one that lost its reference later', async () => {
    await make('a', { attached: true });
    await make('a');
    expect(missed).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    ['there is nothing to be done', () => (rules = undefined)],
    ['its namespace is not selected', () => (rules = configWith({ watchNamespaces: ['team-b'] }))],
    ['its namespace is excluded', () => (rules = configWith({ excludeNamespaces: ['team-*'] }))],
    ['its name is not selected', () => (rules = configWith({ serviceAccounts: ['default'] }))],
    ['its namespace is opted out', () => putNamespace({ optedOut: true })],
    ['its namespace is terminating', () => putNamespace({ terminating: true })],
    ['there is nothing to refer to', () => (attach = [])],
    ['no requests come from its namespace', () => (reachedSince = undefined)],
    ['another replica leads', () => term.abort()],
  ])('is nothing while %s', async (_, change) => {
    await change();
    await make('a');
    expect(missed).toEqual([]);
  });
});
