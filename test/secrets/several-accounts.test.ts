import { beforeEach, describe, expect, it } from 'vitest';
import type { ObservedCluster } from '../../src/app/cluster-state.ts';
import type { Config } from '../../src/config/config.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import type { DesiredSecrets } from '../../src/secrets/desired-content.ts';
import { PullSecretWriter } from '../../src/secrets/pull-secret-writer.ts';
import { SecretReconciler } from '../../src/secrets/secret-reconciler.ts';
import { configWith } from '../builders/config.ts';
import { contentOf, desiredSecrets } from '../builders/content.ts';
import { namespaceNamed, refAt, secretAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';
import { openGuard } from '../fakes/open-guard.ts';
import { observedCluster, SECRET_NAME } from '../fakes/observed-cluster.ts';

let clock: ManualClock;
let api: MemoryApi;
let observed: ObservedCluster;
let config: Config | undefined;
let desired: (namespace: string) => DesiredSecrets;
/** What happened, in order. */
let steps: string[];
let writer: PullSecretWriter;
let reconciler: SecretReconciler;
const one = contentOf('one');
const two = contentOf('two');

beforeEach(async () => {
  clock = new ManualClock();
  api = new MemoryApi();
  const { signal } = new AbortController();
  config = configWith();
  desired = () => desiredSecrets(one, two);
  steps = [];
  observed = await observedCluster(api, clock, signal);
  writer = new PullSecretWriter({
    clock,
    client: api,
    secrets: observed.pullSecrets,
    secretName: SECRET_NAME,
    desired: (namespace) => desired(namespace),
    loopGuard: openGuard,
    onWritten: (namespace, reason) => steps.push(`${namespace} ${reason}`),
  });
  reconciler = new SecretReconciler({
    clock,
    client: api,
    rules: () => config,
    namespaces: observed.namespaces,
    secrets: observed.pullSecrets,
    secretName: SECRET_NAME,
    writer,
    detachNamespace: (namespace, names) => {
      steps.push(`${namespace} detach ${names.join()}`);
      return Promise.resolve();
    },
    onForeign: ({ namespace, name }, reason) => steps.push(`${namespace}/${name} ${reason}`),
    onDeleted: (namespace) => steps.push(`${namespace} deleted`),
    onFailure: (namespace) => steps.push(`${namespace} failed`),
  });
  api.put(resources.namespaces, namespaceNamed('a'));
  reconciler.start(signal);
  await clock.pass(0);
});

const dataAt = (name: string) => {
  const secret: Secret | undefined = api.read(resources.secrets, refAt(`a/${name}`));
  return secret?.data?.['.dockerconfigjson'];
};

async function want(secrets: DesiredSecrets): Promise<void> {
  desired = () => secrets;
  reconciler.reconcileAll();
  await clock.pass(0);
}

describe('the pull Secrets of several accounts', () => {
  it('are there side by side', () => {
    expect([dataAt('pull'), dataAt('pull-2'), dataAt('pull-3')]).toEqual([one.data, two.data, undefined]);
    expect(steps).toEqual(['a Missing', 'a Missing']);
    expect(writer.stateOf('a').isKnown).toBe(true);
    expect(writer.stateOf('a').attach).toEqual(['pull', 'pull-2']);
  });

  it('are written only where a renewal concerns them', async () => {
    const renewed = contentOf('renewed', 2);
    await want(desiredSecrets(one, renewed));
    expect(steps.slice(2)).toEqual(['a Renewed']);
    expect(dataAt('pull-2')).toBe(renewed.data);
  });

  it('go, references first, when there are fewer accounts', async () => {
    await want(desiredSecrets(one));
    expect(dataAt('pull')).toBe(one.data);
    expect(dataAt('pull-2')).toBeUndefined();
    expect(steps.slice(2)).toEqual(['a detach pull-2', 'a deleted']);
  });

  it('go only after what they held has moved', async () => {
    const moved = contentOf('two', 2);
    await want(desiredSecrets(moved));
    expect(steps.slice(2)).toEqual(['a Renewed', 'a detach pull-2', 'a deleted']);
  });

  it('stay while it is not certain that they are not needed, or while no token is live', async () => {
    await want({ ...desiredSecrets(one), mayNeed: ['pull', 'pull-2'] });
    const expiring = ({ secrets, ...rest }: DesiredSecrets): DesiredSecrets => ({
      secrets: secrets.map((secret, index) => ({ ...secret, staleHash: [one, two][index]?.hash ?? '' })),
      ...rest,
    });
    await want(expiring(desiredSecrets(one, undefined)));
    await want(expiring(desiredSecrets(undefined, undefined)));
    expect(dataAt('pull-2')).toBe(two.data);
    expect(steps).toHaveLength(2);
  });

  it('all go from a namespace that is a target no longer', async () => {
    config = configWith({ excludeNamespaces: ['a'] });
    await want(desiredSecrets(one, two));
    expect([dataAt('pull'), dataAt('pull-2')]).toEqual([undefined, undefined]);
    expect(steps.slice(2, 5)).toEqual(['a detach pull,pull-2', 'a deleted', 'a deleted']);
  });

  it('come back when somebody deletes one', async () => {
    api.remove(resources.secrets, refAt('a/pull-2'));
    await clock.pass(0);
    expect(dataAt('pull-2')).toBe(two.data);
  });

  it('are written side by side with one of somebody else, which is left alone and not named', async () => {
    api.remove(resources.secrets, refAt('a/pull-2'));
    api.put(resources.secrets, secretAt('a/pull-2', { type: 'Opaque' }));
    const renewed = contentOf('renewed', 2);
    await want(desiredSecrets(renewed, two));
    expect(dataAt('pull')).toBe(renewed.data);
    expect(steps).toContain('a/pull-2 ForeignType');
    expect(writer.stateOf('a').attach).toEqual(['pull']);
  });

  it('are none of our business where we need none of that name and somebody else made it', async () => {
    api.put(resources.secrets, secretAt('a/pull-3', { type: 'kubernetes.io/dockerconfigjson' }));
    await want(desiredSecrets(one, two));
    expect(api.read(resources.secrets, refAt('a/pull-3'))).toBeDefined();
    expect(steps).toHaveLength(2);
  });
});

describe('the wish for all of them', () => {
  it('fails, to be tried again, when one cannot be written', async () => {
    api.intercept = ({ key }) => {
      if (key === 'b/pull-2') throw refusal(500, 'InternalError');
    };
    await expect(writer.ensure('b')).rejects.toMatchObject({ status: 500 });
    api.intercept = () => undefined;
    expect(await writer.ensure('b')).toBe('Written');
    expect(writer.stateOf('b').isKnown).toBe(true);
  });

  it('is as good as its namespace', async () => {
    api.intercept = () => {
      throw refusal(404, 'NotFound');
    };
    expect(await writer.ensure('b')).toBe('NamespaceGone');
  });

  it('writes nothing partial over what is there', async () => {
    expect(await writer.ensure('a')).toBe('UpToDate');
    await want(desiredSecrets({ ...contentOf('static', 9), isPartial: true }, two));
    expect(dataAt('pull')).toBe(one.data);
    desired = () => desiredSecrets({ ...contentOf('static', 9), isPartial: true });
    expect(await writer.ensure('b')).toBe('Written');
  });
});

it('nothing is written while there are no rules, and all when there are again', async () => {
  config = undefined;
  await want(desiredSecrets(contentOf('renewed', 2), two));
  api.put(resources.namespaces, namespaceNamed('b'));
  await clock.pass(0);
  expect(steps).toHaveLength(2);
  config = configWith();
  reconciler.reconcileAll();
  await clock.pass(0);
  expect(steps.slice(2).sort()).toEqual(['a Renewed', 'b Missing', 'b Missing']);
});
