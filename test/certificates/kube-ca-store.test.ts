import { describe, expect, it } from 'vitest';
import { caSecret, CA_SECRET_NAME } from '../../src/certificates/ca-secret.ts';
import type { CaStore } from '../../src/certificates/certificate-authority.ts';
import { kubeCaStore, type KubeCaStoreOptions } from '../../src/certificates/kube-ca-store.ts';
import { KubeApiError } from '../../src/errors.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeObject, Secret } from '../../src/kube/objects.ts';
import { resources, type ObjectRef, type Resource } from '../../src/kube/resources.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';

const { signal } = new AbortController();
const record = { signing: { cert: 'CERT', key: 'KEY' }, alsoTrusted: [] };
const stored: Secret = { metadata: { name: CA_SECRET_NAME, namespace: 'acr', resourceVersion: '7' } };

function storeOf(api: KubeCaStoreOptions['client']): CaStore {
  return kubeCaStore({ client: api, clock: new ManualClock(), namespace: 'acr', onWatchRestart: () => undefined });
}

/** Answers every call with `answer`, or refuses it with that status. */
function client(answer: Secret | number) {
  const calls: string[] = [];
  const call = <T extends KubeObject>(verb: string, resource: Resource, ref: ObjectRef): Promise<T> => {
    calls.push(`${verb} ${resource.plural} ${ref.namespace ?? ''}/${ref.name}`);
    if (typeof answer !== 'number') return Promise.resolve(answer as unknown as T);
    return Promise.reject(new KubeApiError('refused', { code: 'Refused', status: answer, retryable: false }));
  };
  const refOf = (object: KubeObject) => ({ namespace: object.metadata.namespace, name: object.metadata.name ?? '' });
  const fake = {
    get: (resource, ref) => call('get', resource, ref),
    apply: (resource, object) =>
      call(`apply version ${object.metadata.resourceVersion ?? 'none'} of`, resource, refOf(object)),
  } satisfies Pick<KubeClient, 'get' | 'apply'>;
  return { calls, store: storeOf(Object.assign(new MemoryApi(), fake)) };
}

describe('the store of the CA in the cluster', () => {
  it('reads the Secret by its name in the own namespace', async () => {
    const { calls, store } = client(stored);
    expect(await store.load(signal)).toBe(stored);
    expect(calls).toEqual(['get secrets acr/acr-credential-injector-ca']);
  });

  it('knows that there is none by the status 404', async () => {
    expect(await client(404).store.load(signal)).toBeUndefined();
  });

  it('makes the version that it read a precondition of the write', async () => {
    const { calls, store } = client(stored);
    expect(await store.save(caSecret(record, 'acr'), signal)).toBe(true);
    expect(await store.save(caSecret(record, 'acr', stored), signal)).toBe(true);
    expect(calls).toEqual([
      'apply version none of secrets acr/acr-credential-injector-ca',
      'apply version 7 of secrets acr/acr-credential-injector-ca',
    ]);
  });

  it.each([404, 409])('takes the status %i of a write for another writer’s luck', async (status) => {
    expect(await client(status).store.save(caSecret(record, 'acr', stored), signal)).toBe(false);
  });

  it('passes every other refusal on', async () => {
    await expect(client(403).store.load(signal)).rejects.toMatchObject({ status: 403 });
    await expect(client(403).store.save(caSecret(record, 'acr'), signal)).rejects.toMatchObject({ status: 403 });
  });

  it('tells of every change of the Secret, and of no other, until it is told to end', async () => {
    const api = new MemoryApi();
    const end = new AbortController();
    let changes = 0;
    const watching = storeOf(api).watch(() => changes++, end.signal);
    api.put(resources.secrets, { metadata: { namespace: 'acr', name: CA_SECRET_NAME } });
    await expect.poll(() => changes).toBe(1);
    api.put(resources.secrets, { metadata: { namespace: 'acr', name: 'other' } });
    api.put<Secret>(resources.secrets, { metadata: { namespace: 'acr', name: CA_SECRET_NAME }, data: {} });
    await expect.poll(() => changes).toBe(2);
    api.remove(resources.secrets, { namespace: 'acr', name: CA_SECRET_NAME });
    await expect.poll(() => changes).toBe(3);
    end.abort();
    await watching;
  });
});
