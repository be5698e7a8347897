import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../../src/kube/resources.ts';
import type { OpenedWatch } from './sandbox-client.ts';
import { TestApi, uniqueName, until } from './test-api.ts';

const { configMaps } = resources;
const patient = { timeout: 10_000 };

/** What a watch saw, less the ConfigMap that every namespace of a real cluster has. */
function seenBy(watch: OpenedWatch): string[] {
  return watch.seen.filter((seen) => !seen.includes('kube-root-ca'));
}

describe('watches', () => {
  let api: TestApi;
  let namespace: string;
  const open: OpenedWatch[] = [];
  beforeAll(async () => {
    api = await TestApi.start();
    namespace = await api.namespace();
  });
  afterAll(async () => {
    for (const watch of open) watch.close();
    await api[Symbol.asyncDispose]();
  });

  async function watch(query: Record<string, string> = {}, scope: string | undefined = namespace) {
    const opened = await api.client.watch(configMaps, query, scope);
    open.push(opened);
    return opened;
  }
  const create = (name: string, fields: object = {}) =>
    api.client.create(configMaps, namespace, { metadata: { name, ...fields } });
  const change = (name: string, patch: object) =>
    api.client.patch(configMaps, { namespace, name }, { type: 'merge', patch });
  const remove = (name: string) => api.client.delete(configMaps, { namespace, name });

  it('from a version tell everything that came after it, in order, and go on', async () => {
    const name = uniqueName('w');
    const { body } = await create(name);
    await change(name, { data: { a: '1' } });
    const opened = await watch({ resourceVersion: body.metadata.resourceVersion! });
    await remove(name);
    await create(`${name}-2`);
    await expect
      .poll(() => seenBy(opened), patient)
      .toEqual([`MODIFIED ${name}`, `DELETED ${name}`, `ADDED ${name}-2`]);
    const versions = opened.events.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(versions).size).toBe(versions.length);
    expect(opened.events[0]?.object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
  });

  it.each<Record<string, string>>([{ resourceVersion: '0' }, {}])(
    'from %o tell the present state first',
    async (query) => {
      const name = uniqueName('w');
      await create(name);
      const opened = await watch({ ...query, fieldSelector: `metadata.name=${name}` });
      await expect.poll(() => opened.seen, patient).toEqual([`ADDED ${name}`]);
      await remove(name);
      await expect.poll(() => opened.seen, patient).toEqual([`ADDED ${name}`, `DELETED ${name}`]);
    },
  );

  it('by label tell an object that starts and stops to match as one that comes and goes', async () => {
    const name = uniqueName('w');
    const { body } = await create(name);
    const query = { resourceVersion: body.metadata.resourceVersion!, labelSelector: `mark=${name}` };
    const opened = await watch(query);
    await change(name, { metadata: { labels: { mark: name } }, data: { a: '1' } });
    await change(name, { data: { a: '2' } });
    const { body: last } = await change(name, { metadata: { labels: { mark: null } }, data: { a: '3' } });
    await change(name, { data: { a: '4' } });
    await expect.poll(() => opened.seen, patient).toEqual([`ADDED ${name}`, `MODIFIED ${name}`, `DELETED ${name}`]);
    const gone = opened.events[2]?.object;
    expect(gone?.data).toEqual({ a: '2' });
    expect(gone?.metadata.resourceVersion).toBe(last.metadata.resourceVersion);
  });

  it('cover all namespaces by the name of the object', async () => {
    const name = uniqueName('w');
    const opened = await watch({ resourceVersion: '0', fieldSelector: `metadata.name=${name}` }, '');
    const other = await api.namespace();
    await create(name);
    await create(`${name}-other`);
    await api.client.create(configMaps, other, { metadata: { name } });
    await expect.poll(() => opened.seen, patient).toEqual([`ADDED ${name}`, `ADDED ${name}`]);
    expect(opened.events.map(({ object }) => object.metadata.namespace)).toEqual([namespace, other]);
  });

  it('end cleanly after timeoutSeconds', async () => {
    const startedAt = Date.now();
    const opened = await watch({ resourceVersion: '0', timeoutSeconds: '1' });
    await expect.poll(() => opened.ended, patient).toBe('clean');
    expect(Date.now() - startedAt).toBeGreaterThan(900);
  });

  it('from a future version wait for it', async () => {
    const { body } = await api.client.get(configMaps, { namespace });
    const opened = await watch({ resourceVersion: body.metadata.resourceVersion!, timeoutSeconds: '1' });
    await expect.poll(() => opened.ended, patient).toBe('clean');
    expect(seenBy(opened)).toEqual([]);
  });

  it('tell of the deletion under the version of the deletion', async () => {
    const name = uniqueName('w');
    const { body } = await create(name);
    const opened = await watch({
      resourceVersion: body.metadata.resourceVersion!,
      fieldSelector: `metadata.name=${name}`,
    });
    await remove(name);
    await expect.poll(() => opened.events.length, patient).toBe(1);
    expect(Number(opened.events[0]?.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(body.metadata.resourceVersion),
    );
  });
});

describe('watches of the sandbox', () => {
  it('tell bookmarks that hold nothing but the version', async () => {
    await using api = await TestApi.start({ bookmarkIntervalMs: 20 });
    const query = { resourceVersion: '0', allowWatchBookmarks: 'true', fieldSelector: 'metadata.name=none' };
    const watch = await api.client.watch(configMaps, query);
    await expect.poll(() => watch.events.length, patient).toBeGreaterThan(0);
    const { type, object } = watch.events[0]!;
    expect(type).toBe('BOOKMARK');
    expect(object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
    expect(Object.keys(object)).toEqual(['kind', 'apiVersion', 'metadata']);
    const { body } = await api.client.get(configMaps);
    expect(object.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    const silent = await api.client.watch(configMaps, { resourceVersion: '0', timeoutSeconds: '1' });
    await expect.poll(() => silent.ended, patient).toBe('clean');
    expect(silent.seen).toEqual([]);
  });

  it('from a version that is no longer remembered get one ERROR of 410 Expired', async () => {
    await using api = await TestApi.start({ historySize: 3 });
    const versions: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const { body } = await api.client.create(configMaps, 'default', { metadata: { name } });
      versions.push(body.metadata.resourceVersion!);
    }
    const late = await api.client.watch(configMaps, { resourceVersion: versions[0]! });
    await expect.poll(() => late.ended, patient).toBe('clean');
    expect(late.events).toHaveLength(1);
    expect(late.events[0]).toMatchObject({
      type: 'ERROR',
      object: { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 },
    });
    const timely = await api.client.watch(configMaps, { resourceVersion: versions[1]! });
    await expect.poll(() => timely.seen, patient).toEqual(['ADDED c', 'ADDED d', 'ADDED e']);
  });

  it('are closed by their clients without a trace', async () => {
    await using api = await TestApi.start({});
    const watch = await api.client.watch(configMaps, { resourceVersion: '0' });
    expect(api.sandbox.openWatches).toBe(1);
    watch.close();
    await until(() => api.sandbox.openWatches === 0);
  });
});
