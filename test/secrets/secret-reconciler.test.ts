import { beforeEach, describe, expect, it } from 'vitest';
import type { ObservedCluster } from '../../src/app/cluster-state.ts';
import type { Config } from '../../src/config/config.ts';
import { resources } from '../../src/kube/resources.ts';
import { pullSecret, pullSecretContent, type PullSecretContent } from '../../src/secrets/pull-secret.ts';
import { PullSecretWriter } from '../../src/secrets/pull-secret-writer.ts';
import { SecretReconciler } from '../../src/secrets/secret-reconciler.ts';
import { configWith } from '../builders/config.ts';
import { contentOf, desiredSecrets, sourcesWith } from '../builders/content.ts';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import { namespaceNamed, refAt, secretAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';
import { observedCluster, SECRET_NAME } from '../fakes/observed-cluster.ts';

let clock: ManualClock;
let api: MemoryApi;
let observed: ObservedCluster;
let stop: AbortController;
let config: Config | undefined;
let content: PullSecretContent | undefined;
/** What happened, in order. */
let steps: string[];
let detach: (namespace: string) => Promise<void>;
/** What is fought over, and with whom. */
let fights: string[][];
let reconciler: SecretReconciler;

beforeEach(async () => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  config = configWith();
  content = contentOf('first', 1);
  steps = [];
  fights = [];
  detach = () => Promise.resolve();
  observed = await observedCluster(api, clock, stop.signal);
  reconciler = new SecretReconciler({
    clock,
    client: api,
    rules: () => config,
    namespaces: observed.namespaces,
    secrets: observed.pullSecrets,
    secretName: SECRET_NAME,
    writer: new PullSecretWriter({
      clock,
      client: api,
      secrets: observed.pullSecrets,
      secretName: SECRET_NAME,
      desired: () => desiredSecrets(content),
      loopGuard: new LoopGuard({
        clock,
        onFight: ({ namespace, name }, rivals) => fights.push([`${namespace}/${name}`, ...rivals]),
      }),
      onWritten: (namespace, reason) => steps.push(`${namespace} ${reason}`),
    }),
    detachNamespace: async (namespace) => {
      steps.push(`${namespace} detach`);
      await detach(namespace);
    },
    onForeign: ({ namespace }, reason) => steps.push(`${namespace} ${reason}`),
    onDeleted: (namespace) => steps.push(`${namespace} deleted`),
    onFailure: (namespace) => steps.push(`${namespace} failed`),
  });
});

const addNamespace = (name: string, labels?: Record<string, string>) =>
  api.put(resources.namespaces, namespaceNamed(name, { labels }));
const stored = (namespace: string) => api.read(resources.secrets, refAt(`${namespace}/pull`));
const writes = () => api.count({ verb: 'apply' });

async function begin(...namespaces: string[]): Promise<void> {
  for (const name of namespaces) addNamespace(name);
  reconciler.start(stop.signal);
  await clock.pass(0);
}

async function configure(fields: Partial<Config>): Promise<void> {
  config = configWith(fields);
  reconciler.reconcileAll();
  await clock.pass(0);
}

describe('a target namespace', () => {
  it('gets the Secret at the start, and one that appears gets it then', async () => {
    await begin('a', 'b');
    expect(steps.sort()).toEqual(['a Missing', 'b Missing']);
    addNamespace('c');
    await clock.pass(0);
    expect(stored('c')).toBeDefined();
  });

  it('gets exactly one write for each renewal, however much else happens', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `ns-${index}`);
    await begin(...names);
    expect(writes()).toBe(200);
    content = contentOf('second', 2);
    reconciler.reconcileAll();
    reconciler.reconcileAll();
    await clock.pass(1_000);
    reconciler.reconcileAll();
    await clock.pass(1_000);
    expect(writes()).toBe(400);
  });

  it('has at most 16 writes in flight with the others', async () => {
    let inFlight = 0;
    let most = 0;
    api.intercept = async ({ verb }) => {
      if (verb !== 'apply') return;
      most = Math.max(most, ++inFlight);
      await clock.sleep(10);
      inFlight--;
    };
    await begin(...Array.from({ length: 100 }, (_, index) => `ns-${index}`));
    await clock.pass(10_000);
    expect(most).toBe(16);
    expect(writes()).toBe(100);
  });

  it('gets the Secret back when somebody deletes or changes it', async () => {
    await begin('a');
    api.remove(resources.secrets, refAt('a/pull'));
    await clock.pass(0);
    expect(stored('a')).toBeDefined();
    api.put(resources.secrets, { ...pullSecret(refAt('a/pull'), content!), data: {} });
    await clock.pass(0);
    expect(stored('a')).toMatchObject({ data: { '.dockerconfigjson': content!.data } });
    expect(steps).toEqual(['a Missing', 'a Missing', 'a Drifted']);
  });

  it('with a Secret of somebody else is left alone, and that is said', async () => {
    api.put(resources.secrets, secretAt('a/pull', { type: 'Opaque' }));
    await begin('a');
    expect(writes()).toBe(0);
    expect(steps).toContain('a ForeignType');
    api.remove(resources.secrets, refAt('a/pull'));
    await clock.pass(0);
    expect(steps.at(-1)).toBe('a Missing');
  });

  it('is tried again when a write fails', async () => {
    api.intercept = ({ verb }) => {
      if (verb === 'apply' && steps.length < 3) throw refusal(403, 'Forbidden');
    };
    await begin('a');
    await clock.pass(10_000);
    expect(steps).toEqual(['a failed', 'a failed', 'a failed', 'a Missing']);
  });

  it('is written to no more when it is going', async () => {
    api.put(resources.namespaces, { ...namespaceNamed('a'), status: { phase: 'Terminating' } });
    await begin();
    expect(steps).toEqual([]);
    expect(writes()).toBe(0);
  });

  it('gets nothing before there is a token, and then it does', async () => {
    content = undefined;
    await begin('a');
    expect(writes()).toBe(0);
    content = contentOf('first', 1);
    reconciler.reconcileAll();
    await clock.pass(0);
    expect(steps).toEqual(['a Missing']);
  });
});

it('a Secret that somebody else filled is filled by us when nothing in it can be live any more', async () => {
  const others = { 'hub.example.com': {} };
  content = pullSecretContent(sourcesWith({ others, layer: new Map() }), clock.now());
  const managedFields = [{ time: new Date(clock.now()).toISOString() }];
  api.put(resources.secrets, secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson' }, { managedFields }));
  await begin('a');
  await clock.pass(3_599_999);
  expect(steps).toEqual([]);
  await clock.pass(1);
  expect(steps).toEqual(['a Adopted']);
});

describe('a namespace that is a target no longer', () => {
  it('loses first the references, then the Secret', async () => {
    await begin('a', 'b');
    detach = async () => {
      expect(stored('a')).toBeDefined();
      await clock.sleep(500);
    };
    await configure({ watchNamespaces: ['b'] });
    expect(stored('a')).toBeDefined();
    await clock.pass(500);
    expect(stored('a')).toBeUndefined();
    expect(stored('b')).toBeDefined();
    expect(steps.slice(2)).toEqual(['a detach', 'a deleted']);
  });

  it('keeps the Secret as long as references cannot be taken away', async () => {
    await begin('a');
    detach = () => Promise.reject(refusal(500, 'InternalError'));
    await configure({ watchNamespaces: [] });
    await clock.pass(1_000);
    expect(stored('a')).toBeDefined();
    detach = () => Promise.resolve();
    await clock.pass(60_000);
    expect(stored('a')).toBeUndefined();
  });

  it('because of its own label is one, too, until the label goes', async () => {
    await begin('a');
    addNamespace('a', { 'acr-credential-injector/inject': 'false' });
    await clock.pass(0);
    expect(stored('a')).toBeUndefined();
    addNamespace('a', {});
    await clock.pass(0);
    expect(stored('a')).toBeDefined();
  });

  it('keeps a Secret that is not ours', async () => {
    api.put(resources.secrets, secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson' }));
    config = configWith({ watchNamespaces: ['b'] });
    await begin('a', 'b');
    expect(stored('a')).toBeDefined();
    expect(steps).toEqual(['b Missing']);
  });

  it('keeps what somebody put in its place meanwhile', async () => {
    await begin('a');
    detach = () => {
      api.silence = clock.sleep(1_000);
      api.endWatches();
      api.remove(resources.secrets, refAt('a/pull'));
      api.put(resources.secrets, secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson' }));
      return Promise.resolve();
    };
    await configure({ watchNamespaces: [] });
    detach = () => Promise.resolve();
    await clock.pass(60_000);
    expect(stored('a')).toBeDefined();
  });

  it('whose Secret is gone already is done', async () => {
    await begin('a');
    detach = () => {
      api.silence = clock.sleep(1_000);
      api.endWatches();
      api.remove(resources.secrets, refAt('a/pull'));
      return Promise.resolve();
    };
    await configure({ watchNamespaces: [] });
    await clock.pass(60_000);
    expect(steps).toEqual(['a Missing', 'a detach']);
  });
});

describe('without a configuration', () => {
  it('nothing is written and nothing taken away', async () => {
    api.put(resources.secrets, pullSecret(refAt('a/pull'), contentOf('before', 1)));
    config = undefined;
    content = contentOf('now', 2);
    await begin('a', 'b');
    expect(writes()).toBe(0);
    expect(stored('a')).toBeDefined();
  });
});

it('after a stop nothing is written', async () => {
  await begin('a');
  stop.abort();
  content = contentOf('second', 2);
  reconciler.reconcileAll();
  addNamespace('b');
  await clock.pass(60_000);
  expect(writes()).toBe(1);
});

describe('somebody who undoes each write', () => {
  /** Rewrites, or deletes, the Secret of `a` a second after each write of ours, for ten minutes. */
  async function undoEach(undo: () => unknown): Promise<number> {
    await begin('a', 'b');
    const before = writes();
    for (let second = 0; second < 600; second++) {
      undo();
      await clock.pass(1_000);
    }
    return writes() - before;
  }
  const rewrite = () => {
    const managedFields = [{ manager: 'acr-credential-injector' }, { manager: 'rival' }];
    return api.put(
      resources.secrets,
      secretAt('a/pull', { type: 'kubernetes.io/dockerconfigjson' }, { managedFields }),
    );
  };

  it.each([
    ['rewrites the Secret', rewrite, [['a/pull', 'rival']]],
    ['deletes the Secret', () => api.remove(resources.secrets, refAt('a/pull')), [['a/pull']]],
  ])('and %s is answered ever more slowly, and named once', async (_, undo, expected) => {
    expect(await undoEach(undo)).toBeLessThan(18);
    expect(fights).toEqual(expected);
  });

  it('is answered at once at first', async () => {
    await begin('a');
    for (let repair = 1; repair <= 6; repair++) {
      rewrite();
      await clock.pass(1_000);
      expect(writes()).toBe(1 + repair);
    }
  });

  it('delays neither a renewed token nor an edited configuration', async () => {
    await undoEach(rewrite);
    for (const [generation, text] of ['renewed', 'edited', 'renewed again'].entries()) {
      rewrite();
      content = contentOf(text, 10 + generation);
      reconciler.reconcileAll();
      await clock.pass(100);
      expect(stored('a')).toMatchObject({ data: { '.dockerconfigjson': content.data } });
    }
    expect(fights).toHaveLength(1);
  });

  it('is met anew in a namespace that was made anew', async () => {
    await undoEach(rewrite);
    api.remove(resources.secrets, refAt('a/pull'));
    api.remove(resources.namespaces, { name: 'a' });
    await clock.pass(1_000);
    addNamespace('a');
    await clock.pass(1_000);
    expect(stored('a')).toBeDefined();
  });
});
