import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../../src/kube/resources.ts';
import { base64, TestApi, uniqueName } from './test-api.ts';

const { secrets, configMaps, serviceAccounts, deployments } = resources;
const force = { query: { force: 'true' } };
const as = (fieldManager: string, more: Record<string, string> = {}) => ({ query: { fieldManager, ...more } });

describe('server-side apply', () => {
  let api: TestApi;
  let namespace: string;
  beforeAll(async () => {
    api = await TestApi.start();
    namespace = await api.namespace();
  });
  afterAll(() => api[Symbol.asyncDispose]());
  const fresh = (prefix = 'applied') => ({ namespace, name: uniqueName(prefix) });

  it('creates with 201 what is missing, and answers 200 afterwards', async () => {
    const ref = fresh();
    const first = await api.client.apply(configMaps, ref, { data: { a: '1' } });
    expect(first.code).toBe(201);
    expect(first.body.metadata).toMatchObject(ref);
    const second = await api.client.apply(configMaps, ref, { data: { a: '2' } });
    expect(second.code).toBe(200);
    expect(second.body.metadata.uid).toBe(first.body.metadata.uid);
    expect(second.body.data).toEqual({ a: '2' });
  });

  it('keeps the resourceVersion, and tells no watch, when nothing changes', async () => {
    const ref = fresh();
    const first = await api.client.apply(configMaps, ref, { data: { a: '1' } });
    const again = await api.client.apply(configMaps, ref, { data: { a: '1' } });
    expect(again.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    const watch = await api.client.watch(configMaps, {
      resourceVersion: first.body.metadata.resourceVersion!,
      timeoutSeconds: '1',
      fieldSelector: `metadata.name=${ref.name}`,
    });
    await expect.poll(() => watch.ended, { timeout: 10_000 }).toBe('clean');
    expect(watch.seen.filter((seen) => !seen.startsWith('BOOKMARK'))).toEqual([]);
  });

  it('needs a field manager', async () => {
    const { code, body } = await api.client.apply(configMaps, fresh(), {}, { query: { fieldManager: '' } });
    expect(code).toBe(422);
    expect(body.message).toBe(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  });

  it('takes YAML', async () => {
    const ref = fresh();
    const yaml = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${ref.name}\ndata:\n  a: "1"\n`;
    const path = `/api/v1/namespaces/${namespace}/configmaps/${ref.name}`;
    const ask = { query: { fieldManager: 'y' }, contentType: 'application/apply-patch+yaml' };
    const { code, body } = await api.client.send('PATCH', path, yaml, ask);
    expect([code, body.data]).toEqual([201, { a: '1' }]);
    expect((await api.client.send('PATCH', path, '{ no: [yaml', ask)).code).toBe(400);
  });

  it('refuses a body with managedFields, without a kind, or of another name', async () => {
    const ref = fresh();
    const managed = await api.client.apply(configMaps, ref, {
      metadata: { name: ref.name, managedFields: [{ manager: 'x' }] },
    });
    expect(managed.code).toBe(400);
    expect((await api.client.apply(configMaps, ref, { kind: '' })).code).toBeGreaterThanOrEqual(400);
    expect((await api.client.apply(configMaps, ref, { metadata: { name: 'other' } })).code).toBe(400);
    expect((await api.client.apply(configMaps, ref, { metadata: {} })).code).toBe(400);
  });

  it('answers 404 for a missing namespace', async () => {
    const { code, body } = await api.client.apply(configMaps, { namespace: 'nowhere', name: 'a' }, {});
    expect([code, body.message]).toEqual([404, 'namespaces "nowhere" not found']);
  });

  it('merges maps with what others wrote and takes back what it no longer says', async () => {
    const ref = fresh();
    await api.client.create(configMaps, namespace, { metadata: { name: ref.name }, data: { theirs: '1' } });
    await api.client.apply(configMaps, ref, { data: { mine: '1', brief: '1' } });
    const { body } = await api.client.apply(configMaps, ref, { data: { mine: '2' } });
    expect(body.data).toEqual({ theirs: '1', mine: '2' });
  });

  it('replaces an atomic list and merges a list with keys', async () => {
    const ref = fresh();
    await api.client.apply(serviceAccounts, ref, { imagePullSecrets: [{ name: 'a' }, { name: 'b' }] });
    const { body } = await api.client.apply(serviceAccounts, ref, { imagePullSecrets: [{ name: 'c' }] });
    expect(body.imagePullSecrets).toEqual([{ name: 'c' }]);
    const container = (name: string, image: string) => ({ name, image });
    const web = fresh('web');
    const template = (containers: object[]) => ({
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers } },
      },
    });
    await api.client.create(deployments, namespace, {
      metadata: { name: web.name },
      ...template([container('c', 'i:1'), container('side', 's:1')]),
    });
    const merged = await api.client.apply(deployments, web, template([container('c', 'i:2')]), force);
    const spec = merged.body.spec as ReturnType<typeof template>['spec'];
    const images = (spec.template.spec.containers as { image: string }[]).map(({ image }) => image);
    expect(images).toEqual(['i:2', 's:1']);
  });

  it("refuses to change what another manager owns, unless forced; then it is this manager's", async () => {
    const ref = fresh();
    await api.client.create(configMaps, namespace, { metadata: { name: ref.name }, data: { a: '1' } }, as('other'));
    const { code, body } = await api.client.apply(configMaps, ref, { data: { a: '2' } });
    expect([code, body.reason]).toEqual([409, 'Conflict']);
    expect(body.message).toContain('Apply failed with 1 conflict: conflict with "other" using v1');
    expect(body.details).toMatchObject({ causes: [{ reason: 'FieldManagerConflict', field: '.data.a' }] });
    const forced = await api.client.apply(configMaps, ref, { data: { a: '2' } }, force);
    expect(forced.code).toBe(200);
    const owners = forced.body.metadata.managedFields?.filter(({ fieldsV1 }) =>
      JSON.stringify(fieldsV1).includes('f:a'),
    );
    expect(owners?.map(({ manager }) => manager)).toEqual(['test-applier']);
  });

  it('shares what two managers say alike, and keeps it until both let go', async () => {
    const ref = fresh();
    await api.client.apply(configMaps, ref, { data: { a: '1' } }, as('one'));
    expect((await api.client.apply(configMaps, ref, { data: { a: '1' } }, as('two'))).code).toBe(200);
    const { body: held } = await api.client.apply(configMaps, ref, {}, as('one'));
    expect(held.data).toEqual({ a: '1' });
    const { body: freed } = await api.client.apply(configMaps, ref, {}, as('two'));
    expect(freed.data).toBeUndefined();
  });

  it('shows in managedFields who owns which field', async () => {
    const ref = fresh();
    const { body } = await api.client.apply(secrets, ref, {
      metadata: { name: ref.name, labels: { l: 'x' } },
      data: { a: base64('1') },
    });
    const [entry] = body.metadata.managedFields ?? [];
    expect(body.metadata.managedFields).toHaveLength(1);
    expect(entry).toMatchObject({
      manager: 'test-applier',
      operation: 'Apply',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } },
    });
  });

  it('does not count what an update leaves alone as owned by it', async () => {
    const ref = fresh();
    await api.client.apply(serviceAccounts, ref, { imagePullSecrets: [{ name: 'a' }] });
    const label = { metadata: { labels: { l: 'x' } } };
    const { body } = await api.client.patch(serviceAccounts, ref, { type: 'merge', patch: label }, as('labeller'));
    const entry = body.metadata.managedFields?.find(({ manager }) => manager === 'labeller');
    expect(entry).toMatchObject({ operation: 'Update', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:l': {} } } } });
    expect(entry?.fieldsV1).not.toHaveProperty('f:imagePullSecrets');
  });

  it('gives a field to the manager that changes it by a patch', async () => {
    const ref = fresh();
    await api.client.apply(serviceAccounts, ref, { imagePullSecrets: [{ name: 'a' }] }, as('first'));
    const patch = [{ op: 'add', path: '/imagePullSecrets/-', value: { name: 'b' } }];
    const { body } = await api.client.patch(serviceAccounts, ref, { type: 'json', patch }, as('second'));
    const owners = body.metadata.managedFields?.filter(({ fieldsV1 }) => 'f:imagePullSecrets' in fieldsV1);
    expect(owners?.map(({ manager }) => manager)).toEqual(['second']);
    const { code } = await api.client.apply(serviceAccounts, ref, { imagePullSecrets: [{ name: 'a' }] }, as('first'));
    expect(code).toBe(409);
  });

  it('does not track an object that nobody applied to and whose creation set nothing', async () => {
    const ref = fresh();
    await api.client.create(configMaps, namespace, { metadata: { name: ref.name } });
    const patch = { data: { a: '1' } };
    const { body } = await api.client.patch(configMaps, ref, { type: 'merge', patch }, as('untracked'));
    expect(body.metadata.managedFields).toBeUndefined();
    const { code, body: conflict } = await api.client.apply(configMaps, ref, { data: { a: '2' } });
    expect(code).toBe(409);
    expect(conflict.message).toContain('conflict with "before-first-apply" using v1');
  });

  it('runs dry without storing', async () => {
    const ref = fresh();
    const { code } = await api.client.apply(configMaps, ref, { data: { a: '1' } }, { query: { dryRun: 'All' } });
    expect(code).toBe(201);
    expect((await api.client.get(configMaps, ref)).code).toBe(404);
  });
});
