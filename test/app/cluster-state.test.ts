import { beforeEach, describe, expect, it } from 'vitest';
import { observeCluster } from '../../src/app/cluster-state.ts';
import { refOf } from '../../src/kube/object-map.ts';
import { resources } from '../../src/kube/resources.ts';
import { namespaceNamed, secretAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

let clock: ManualClock;
let api: MemoryApi;
let stop: AbortController;
let restarts: string[];
let missing: string[];

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  restarts = [];
  missing = [];
});

async function observed(ownNamespace = 'acr', namespaces?: string[]) {
  const cluster = observeCluster({
    client: api,
    clock,
    secretName: 'pull',
    ownNamespace,
    namespaces,
    onWatchRestart: (resource) => restarts.push(resource),
    onNamespaceMissing: (namespace) => missing.push(namespace),
  });
  const { serviceAccounts, pullSecrets, accessKeySecrets } = cluster;
  for (const part of [cluster.namespaces, serviceAccounts, pullSecrets, ...accessKeySecrets.values()])
    void part.run(stop.signal);
  await clock.pass(0);
  return cluster;
}

describe('what is kept of the cluster', () => {
  it('is what decisions need, and no token', async () => {
    api.put(resources.namespaces, namespaceNamed('a', { annotations: { large: 'x' } }));
    api.put(resources.serviceAccounts, serviceAccountAt('a/app', ['pull']));
    api.put(resources.secrets, secretAt('a/pull', { data: { '.dockerconfigjson': 'c2VjcmV0' } }));
    const { namespaces, serviceAccounts, pullSecrets } = await observed();
    expect(namespaces.get(refOf('a'))).toEqual({ resourceVersion: '1', terminating: false, optedOut: false });
    expect(serviceAccounts.get(refOf('a/app'))).toMatchObject({ references: ['pull'] });
    expect(pullSecrets.get(refOf('a/pull'))).toBeDefined();
    expect(JSON.stringify(pullSecrets.get(refOf('a/pull')))).not.toContain('c2VjcmV0');
  });

  it('is of Secrets only those of names that are ours', async () => {
    api.put(resources.secrets, secretAt('a/other'));
    api.put(resources.secrets, secretAt('a/pull'));
    const { pullSecrets } = await observed();
    expect([pullSecrets.get(refOf('a/pull')) !== undefined, pullSecrets.get(refOf('a/other'))]).toEqual([
      true,
      undefined,
    ]);
    const requests = api.calls.filter(({ resource, verb }) => resource === 'secrets' && verb !== 'get');
    for (const { options } of requests) {
      expect(options).toMatchObject({ fieldSelector: expect.stringMatching(/^metadata\.name=/) as string });
    }
  });

  it('is the AccessKey pair in the own namespace and in kube-system', async () => {
    api.put(resources.secrets, secretAt('acr/alibaba-addon-secret'));
    api.put(resources.secrets, secretAt('team-a/alibaba-addon-secret'));
    const { accessKeySecrets } = await observed();
    const [own, system] = ['acr/alibaba-addon-secret', 'kube-system/alibaba-addon-secret'] as const;
    expect([...accessKeySecrets.keys()]).toEqual([own, system]);
    expect(accessKeySecrets.get(own)?.get(refOf(own))).toBeDefined();
    expect(accessKeySecrets.get(system)?.get(refOf('team-a/alibaba-addon-secret'))).toBeUndefined();
  });

  it('is watched once where the own namespace is kube-system', async () => {
    const { accessKeySecrets } = await observed('kube-system');
    expect([...accessKeySecrets.keys()]).toEqual(['kube-system/alibaba-addon-secret']);
  });
});

it('a watch that begins again is told by its resource', async () => {
  api.intercept = ({ resource }) => {
    if (resource === 'namespaces') throw refusal(500, 'InternalError');
  };
  await observed();
  expect(restarts).toEqual(['namespaces']);
});

describe('what is kept where there are rights in some namespaces alone', () => {
  it('is what is there, and nothing is asked for in another namespace or in the whole cluster', async () => {
    for (const name of ['a', 'b']) {
      api.put(resources.namespaces, namespaceNamed(name));
      api.put(resources.serviceAccounts, serviceAccountAt(`${name}/app`));
      api.put(resources.secrets, secretAt(`${name}/pull-2`));
    }
    const { namespaces, serviceAccounts, pullSecrets, missingNamespaces } = await observed('acr', ['a', 'none']);
    expect([...namespaces.entries()].map(([name]) => name)).toEqual(['a']);
    expect([serviceAccounts.get(refOf('a/app')) !== undefined, serviceAccounts.get(refOf('b/app'))]).toEqual([
      true,
      undefined,
    ]);
    expect([pullSecrets.get(refOf('a/pull-2')) !== undefined, pullSecrets.get(refOf('b/pull-2'))]).toEqual([
      true,
      undefined,
    ]);
    expect([serviceAccounts.hasSynced, pullSecrets.hasSynced]).toEqual([true, true]);
    expect([missing, missingNamespaces()]).toEqual([['none'], ['none']]);
    const asked = api.calls.map(({ verb, resource, key }) => (verb === 'get' ? `${resource} ${key}` : key));
    expect(new Set(asked)).toEqual(new Set(['namespaces a', 'namespaces none', 'a', 'acr']));
  });

  it('is held up by no Role that is missing', async () => {
    api.put(resources.namespaces, namespaceNamed('a'));
    api.intercept = ({ resource, key }) => {
      if (resource !== 'namespaces' && key === 'a') throw refusal(403, 'Forbidden');
    };
    const { serviceAccounts, pullSecrets } = await observed('acr', ['a']);
    expect([serviceAccounts.hasSynced, pullSecrets.hasSynced]).toEqual([true, true]);
  });
});
