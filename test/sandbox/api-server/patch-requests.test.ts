import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../../src/kube/resources.ts';
import { TestApi, uniqueName } from './test-api.ts';

const { serviceAccounts, configMaps, secrets, namespaces } = resources;

describe('patches', () => {
  let api: TestApi;
  let namespace: string;
  beforeAll(async () => {
    api = await TestApi.start();
    namespace = await api.namespace();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  async function account(fields: object = {}) {
    const name = uniqueName('sa');
    await api.client.create(serviceAccounts, namespace, { metadata: { name }, ...fields });
    return { namespace, name };
  }

  it('change an object by JSON Patch', async () => {
    const ref = await account({ imagePullSecrets: [{ name: 'a' }] });
    const patch = [
      { op: 'test', path: '/imagePullSecrets', value: [{ name: 'a' }] },
      { op: 'add', path: '/imagePullSecrets/-', value: { name: 'b' } },
    ];
    const { code, body } = await api.client.patch(serviceAccounts, ref, { type: 'json', patch });
    expect(code).toBe(200);
    expect(body.imagePullSecrets).toEqual([{ name: 'a' }, { name: 'b' }]);
  });

  it.each([
    ['a test that fails', [{ op: 'test', path: '/automountServiceAccountToken', value: true }]],
    ['a test of another value', [{ op: 'test', path: '/metadata/name', value: 'x' }]],
    ['the removal of what is missing', [{ op: 'remove', path: '/imagePullSecrets/3' }]],
    ['the removal of a missing member', [{ op: 'remove', path: '/imagePullSecrets' }]],
    ['an addition below what is missing', [{ op: 'add', path: '/metadata/labels/a', value: 'b' }]],
    ['an append to a missing list', [{ op: 'add', path: '/imagePullSecrets/-', value: { name: 'b' } }]],
  ])('answer a JSON Patch that does not apply with 422 Invalid: %s', async (_what, patch) => {
    const ref = await account();
    const { code, body } = await api.client.patch(serviceAccounts, ref, { type: 'json', patch });
    expect([code, body.reason]).toEqual([422, 'Invalid']);
    expect(body.message).toBe('the server rejected our request due to an error in our request');
  });

  it('let a test with null hold for an absent list, and only for that', async () => {
    const patch = [
      { op: 'test', path: '/imagePullSecrets', value: null },
      { op: 'add', path: '/imagePullSecrets', value: [{ name: 'a' }] },
    ];
    const ref = await account();
    expect((await api.client.patch(serviceAccounts, ref, { type: 'json', patch })).code).toBe(200);
    expect((await api.client.patch(serviceAccounts, ref, { type: 'json', patch })).code).toBe(422);
  });

  it('leave no empty list behind', async () => {
    const ref = await account({ imagePullSecrets: [{ name: 'a' }] });
    const patch = [{ op: 'remove', path: '/imagePullSecrets/0' }];
    const { body } = await api.client.patch(serviceAccounts, ref, { type: 'json', patch });
    expect(body).not.toHaveProperty('imagePullSecrets');
  });

  it('change nothing when a JSON Patch is empty', async () => {
    const ref = await account();
    const { body: before } = await api.client.get(serviceAccounts, ref);
    const { code, body } = await api.client.patch(serviceAccounts, ref, { type: 'json', patch: [] });
    expect(code).toBe(200);
    if (!before.secrets === !body.secrets) expect(body.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  it('refuse a resourceVersion that is not the present one', async () => {
    const name = uniqueName('cm');
    const ref = { namespace, name };
    await api.client.create(configMaps, namespace, { metadata: { name } });
    const patch = { metadata: { resourceVersion: '1' }, data: { a: '1' } };
    const { code, body } = await api.client.patch(configMaps, ref, { type: 'merge', patch });
    expect([code, body.reason]).toEqual([409, 'Conflict']);
    const guarded = [{ op: 'replace', path: '/metadata/resourceVersion', value: '1' }];
    expect((await api.client.patch(configMaps, ref, { type: 'json', patch: guarded })).code).toBe(409);
  });

  it('merge and remove by merge patch', async () => {
    const name = uniqueName('cm');
    await api.client.create(configMaps, namespace, { metadata: { name }, data: { a: '1', b: '2' } });
    const patch = { data: { a: null, c: '3' } };
    const { body } = await api.client.patch(configMaps, { namespace, name }, { type: 'merge', patch });
    expect(body.data).toEqual({ b: '2', c: '3' });
  });

  it("merge a ServiceAccount's secrets by name strategically, and replace its imagePullSecrets", async () => {
    const ref = await account({ secrets: [{ name: 'kept' }], imagePullSecrets: [{ name: 'gone' }] });
    const patch = { secrets: [{ name: 'new' }], imagePullSecrets: [{ name: 'only' }] };
    const { code, body } = await api.client.patch(serviceAccounts, ref, { type: 'strategic-merge', patch });
    expect(code).toBe(200);
    const names = (body.secrets as { name: string }[]).map(({ name }) => name);
    expect(names).toContain('kept');
    expect(names).toContain('new');
    expect(body.imagePullSecrets).toEqual([{ name: 'only' }]);
  });

  it("merge a Pod template's imagePullSecrets and containers by name strategically", async () => {
    const name = uniqueName('web');
    const spec = { imagePullSecrets: [{ name: 'a' }], containers: [{ name: 'c', image: 'i:1' }] };
    await api.client.create(resources.deployments, namespace, {
      metadata: { name },
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec },
      },
    });
    const changed = {
      imagePullSecrets: [{ name: 'b' }],
      containers: [
        { name: 'c', image: 'i:2' },
        { name: 'd', image: 'j' },
      ],
    };
    const patch = { spec: { template: { spec: changed } } };
    const { body } = await api.client.patch(
      resources.deployments,
      { namespace, name },
      { type: 'strategic-merge', patch },
    );
    const after = (body.spec as { template: { spec: typeof spec } }).template.spec;
    expect(new Set(after.imagePullSecrets.map((each) => each.name))).toEqual(new Set(['a', 'b']));
    expect(new Set(after.containers.map((each) => `${each.name} ${each.image}`))).toEqual(new Set(['c i:2', 'd j']));
    expect(body.metadata.generation).toBe(2);
  });

  it('obey the directives of kubectl', async () => {
    const ref = await account({ secrets: [{ name: 'a' }, { name: 'b' }] });
    const patch = { $setElementOrder: null, secrets: [{ name: 'a', $patch: 'delete' }] };
    const { body } = await api.client.patch(serviceAccounts, ref, {
      type: 'strategic-merge',
      patch: { secrets: patch.secrets, '$setElementOrder/secrets': [{ name: 'b' }] },
    });
    const names = (body.secrets as { name: string }[]).map(({ name }) => name);
    expect(names).not.toContain('a');
    expect(names).toContain('b');
  });

  it('refuse an unknown patch type with 415', async () => {
    const ref = await account();
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${ref.name}`;
    const { code } = await api.client.send('PATCH', path, {}, { contentType: 'application/json' });
    expect(code).toBe(415);
  });

  it('of a missing object are NotFound', async () => {
    const { code } = await api.client.patch(secrets, { namespace, name: 'no' }, { type: 'merge', patch: {} });
    expect(code).toBe(404);
  });

  it('remove an entry of managedFields', async () => {
    const ref = await account({ imagePullSecrets: [{ name: 'a' }] });
    const { body: before } = await api.client.get(serviceAccounts, ref);
    const index = before.metadata.managedFields?.findIndex(({ manager }) => manager === 'test-client');
    const patch = [
      { op: 'test', path: `/metadata/managedFields/${index}/manager`, value: 'test-client' },
      { op: 'remove', path: `/metadata/managedFields/${index}` },
    ];
    const query = { fieldManager: 'other' };
    const { code } = await api.client.patch(serviceAccounts, ref, { type: 'json', patch }, { query });
    expect(code).toBe(200);
    const { body } = await api.client.get(serviceAccounts, ref);
    expect(body.metadata.managedFields?.map(({ manager }) => manager) ?? []).not.toContain('test-client');
    expect(body.imagePullSecrets).toEqual([{ name: 'a' }]);
  });

  it('remove the only entry of managedFields', async () => {
    const ref = { namespace, name: uniqueName('cm') };
    await api.client.create(configMaps, namespace, { metadata: { name: ref.name }, data: { a: '1' } });
    const patch = [{ op: 'remove', path: '/metadata/managedFields/0' }];
    const { body } = await api.client.patch(configMaps, ref, { type: 'json', patch });
    expect(body.metadata.managedFields).toBeUndefined();
  });

  it('keep managedFields that an update leaves out, and drop them for a single empty entry', async () => {
    const ref = { namespace, name: uniqueName('cm') };
    await api.client.create(configMaps, namespace, { metadata: { name: ref.name }, data: { a: '1' } });
    const { body } = await api.client.update(configMaps, ref, { metadata: { name: ref.name }, data: { a: '1' } });
    expect(body.metadata.managedFields).toHaveLength(1);
    const patch = { metadata: { managedFields: [{}] } };
    const { body: reset } = await api.client.patch(configMaps, ref, { type: 'merge', patch });
    expect(reset.metadata.managedFields).toBeUndefined();
  });

  it('create nothing in a cluster-scoped place by accident', async () => {
    const { code } = await api.client.patch(namespaces, { name: uniqueName('no') }, { type: 'merge', patch: {} });
    expect(code).toBe(404);
  });
});
