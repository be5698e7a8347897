import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../../src/kube/resources.ts';
import type { Answer } from './sandbox-client.ts';
import { TestApi, uniqueName } from './test-api.ts';

const { configMaps, secrets } = resources;

function namesIn({ body }: Answer): (string | undefined)[] {
  return (body.items ?? []).map(({ metadata }) => metadata.name).filter((name) => name !== 'kube-root-ca.crt');
}

describe('lists', () => {
  let api: TestApi;
  let namespace: string;
  beforeAll(async () => {
    api = await TestApi.start();
    namespace = await api.namespace();
    for (const [name, labels] of Object.entries({ a: { tier: 'web' }, b: { tier: 'db', own: 'x' }, c: {} })) {
      await api.client.create(secrets, namespace, { metadata: { name, labels }, type: `example.com/${name}` });
    }
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const list = (query: Record<string, string> = {}) => api.client.get(secrets, { namespace }, { query });
  const named = (answer: Answer) => namesIn(answer).filter((name) => name!.length === 1);

  it('hold the items in the order of their names, without their kind', async () => {
    const answer = await list();
    expect(answer.body).toMatchObject({ kind: 'SecretList', apiVersion: 'v1' });
    expect(named(answer)).toEqual(['a', 'b', 'c']);
    expect(answer.body.items?.[0]?.kind).toBeUndefined();
    expect(Number(answer.body.metadata.resourceVersion)).toBeGreaterThan(0);
  });

  it('cover all namespaces when none is given', async () => {
    const other = await api.namespace();
    const name = uniqueName('everywhere');
    for (const each of [namespace, other]) await api.client.create(configMaps, each, { metadata: { name } });
    const answer = await api.client.get(configMaps, {}, { query: { fieldSelector: `metadata.name=${name}` } });
    expect(new Set(answer.body.items?.map(({ metadata }) => metadata.namespace))).toEqual(new Set([namespace, other]));
    const one = { fieldSelector: `metadata.name=${name},metadata.namespace=${other}` };
    expect(namesIn(await api.client.get(configMaps, {}, { query: one }))).toEqual([name]);
  });

  it.each([
    ['tier=web', ['a']],
    ['tier==web', ['a']],
    ['tier!=web', ['b', 'c']],
    ['tier in (web, db)', ['a', 'b']],
    ['tier notin (web)', ['b', 'c']],
    ['tier', ['a', 'b']],
    ['!tier', ['c']],
    ['tier in (web,db),own=x', ['b']],
    ['tier=', []],
  ])('are narrowed by the label selector %s', async (labelSelector, expected) => {
    expect(named(await list({ labelSelector }))).toEqual(expected);
  });

  it.each([
    ['metadata.name=b', ['b']],
    ['metadata.name!=b', ['a', 'c']],
    ['type=example.com/c', ['c']],
  ])('are narrowed by the field selector %s', async (fieldSelector, expected) => {
    expect(named(await list({ fieldSelector }))).toEqual(expected);
  });

  it('refuse a field selector of a field that is not offered, and a label selector that is none', async () => {
    const field = await list({ fieldSelector: 'data.a=b' });
    expect([field.code, field.body.reason]).toEqual([400, 'BadRequest']);
    expect(field.body.message).toContain('field label not supported: data.a');
    expect((await list({ labelSelector: 'a in b' })).code).toBe(400);
  });

  it('in pages show the moment of the first page', async () => {
    const scope = await api.namespace();
    for (let index = 0; index < 5; index++) {
      await api.client.create(configMaps, scope, { metadata: { name: `c${index}` } });
    }
    const page = (query: Record<string, string>) => api.client.get(configMaps, { namespace: scope }, { query });
    const first = await page({ limit: '2' });
    expect(namesIn(first)).toEqual(['c0', 'c1']);
    expect(first.body.metadata.remainingItemCount).toBeGreaterThanOrEqual(3);
    await api.client.delete(configMaps, { namespace: scope, name: 'c2' });
    await api.client.create(configMaps, scope, { metadata: { name: 'c9' } });
    const second = await page({ limit: '2', continue: first.body.metadata.continue! });
    expect(namesIn(second)).toEqual(['c2', 'c3']);
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    const last = await page({ limit: '2', continue: second.body.metadata.continue! });
    expect(namesIn(last)).toEqual(['c4']);
    expect(last.body.metadata.continue).toBeUndefined();
  });

  it('from resourceVersion 0 are never paged', async () => {
    const answer = await list({ limit: '1', resourceVersion: '0' });
    expect(answer.body.metadata.continue).toBeUndefined();
    expect(new Set(named(answer))).toEqual(new Set(['a', 'b', 'c']));
  });

  it('in pages that end with the last item say so', async () => {
    const scope = await api.namespace();
    for (const name of ['x1', 'x2']) await api.client.create(resources.leases, scope, { metadata: { name } });
    const { body } = await api.client.get(resources.leases, { namespace: scope }, { query: { limit: '2' } });
    expect(body.items).toHaveLength(2);
    expect(body.metadata.continue).toBeUndefined();
  });

  it('refuse a continue token that is none', async () => {
    expect((await list({ limit: '1', continue: 'nonsense' })).code).toBe(400);
  });

  it('refuse a version that is still to come', async () => {
    const { code, body } = await list({ resourceVersion: '999999999' });
    expect([code, body.reason]).toEqual([504, 'Timeout']);
    expect(body.details).toMatchObject({ causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 });
  });
});

describe('lists of the sandbox', () => {
  it('are expired for further pages once history is', async () => {
    await using api = await TestApi.start({});
    const first = await api.client.get(resources.namespaces, {}, { query: { limit: '1' } });
    api.sandbox.faults.expireHistory();
    const query = { limit: '1', continue: first.body.metadata.continue! };
    const { code, body } = await api.client.get(resources.namespaces, {}, { query });
    expect([code, body.reason]).toEqual([410, 'Expired']);
  });
});
