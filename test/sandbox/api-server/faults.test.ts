import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources } from '../../../src/kube/resources.ts';
import { ManualClock } from '../../fakes/manual-clock.ts';
import { SandboxClient } from './sandbox-client.ts';
import { TestApi, until } from './test-api.ts';

const { configMaps, secrets, serviceAccounts, namespaces } = resources;
const patient = { timeout: 10_000 };

describe('faults', () => {
  let api: TestApi;
  beforeEach(async () => {
    api = await TestApi.start({});
  });
  afterEach(() => api[Symbol.asyncDispose]());

  const create = (name: string) => api.client.create(configMaps, 'default', { metadata: { name } });

  it('fail the next matching requests with the given Status, before anything is done', async () => {
    api.sandbox.faults.fail({ verb: 'create', resource: 'configmaps' }, { code: 429, retryAfterSeconds: 3 }, 2);
    const first = await create('a');
    expect([first.code, first.body.reason, first.headers['retry-after']]).toEqual([429, 'TooManyRequests', '3']);
    expect(first.body).toMatchObject({ kind: 'Status', details: { retryAfterSeconds: 3 } });
    expect((await api.client.get(configMaps, { namespace: 'default' })).code).toBe(200);
    expect((await create('a')).code).toBe(429);
    expect((await create('a')).code).toBe(201);
  });

  it('last until they are ended', async () => {
    const fault = api.sandbox.faults.fail({ namespace: 'default' }, { code: 500 });
    for (let count = 0; count < 3; count++) expect((await create('a')).code).toBe(500);
    expect((await api.client.get(namespaces)).code).toBe(200);
    fault.end();
    expect((await create('a')).code).toBe(201);
    api.sandbox.faults.fail({}, { code: 409, message: 'mine' });
    expect((await create('b')).body).toMatchObject({ code: 409, reason: 'Conflict', message: 'mine' });
    api.sandbox.faults.clear();
    expect((await create('b')).code).toBe(201);
  });

  it('delay what they match', async () => {
    api.sandbox.faults.delay({ verb: 'get', name: 'kube-system' }, 300);
    const startedAt = Date.now();
    await api.client.get(namespaces, { name: 'default' });
    const undelayedMs = Date.now() - startedAt;
    await api.client.get(namespaces, { name: 'kube-system' });
    expect(Date.now() - startedAt - undelayedMs).toBeGreaterThan(290);
  });

  it('lose the answer of what was done', async () => {
    api.sandbox.faults.loseAnswer({ verb: 'create' }, 1);
    await expect(create('a')).rejects.toThrow();
    expect((await api.client.get(configMaps, { namespace: 'default', name: 'a' })).code).toBe(200);
  });

  it('refuse Secrets as a quota would, by POST as by apply', async () => {
    const ref = { namespace: 'default', name: 's' };
    await api.client.create(secrets, 'default', { metadata: { name: 'before' } });
    const fault = api.sandbox.faults.exceedQuota('secrets', 'default');
    const posted = await api.client.create(secrets, 'default', { metadata: { name: 's' } });
    expect(posted.code).toBe(403);
    expect(posted.body.message).toMatch(/^secrets "s" is forbidden: exceeded quota: /);
    expect((await api.client.apply(secrets, ref, {})).code).toBe(403);
    expect((await api.client.create(secrets, 'kube-system', { metadata: { name: 's' } })).code).toBe(201);
    const change = await api.client.apply(secrets, { namespace: 'default', name: 'before' }, { data: { a: 'YQ==' } });
    expect(change.code).toBe(200);
    fault.end();
    expect((await api.client.apply(secrets, ref, {})).code).toBe(201);
  });

  it('cut watches in the middle', async () => {
    const cut = await api.client.watch(configMaps, { resourceVersion: '0' });
    const kept = await api.client.watch(secrets, { resourceVersion: '0' });
    api.sandbox.faults.dropWatches({ resource: 'configmaps' });
    await expect.poll(() => cut.ended, patient).toBe('cut');
    expect(kept.ended).toBeUndefined();
    expect(api.sandbox.openWatches).toBe(1);
  });

  it('stall watches, open and new ones, and let them go on', async () => {
    const open = await api.client.watch(configMaps, { resourceVersion: '0' });
    const fault = api.sandbox.faults.stallWatches({ resource: 'configmaps' });
    const fresh = await api.client.watch(configMaps, { resourceVersion: '0' });
    const other = await api.client.watch(configMaps, { resourceVersion: '0', timeoutSeconds: '1' });
    await create('a');
    await expect.poll(async () => (await api.client.get(configMaps)).body.items?.length, patient).toBe(1);
    const unaffected = await api.client.watch(secrets, { resourceVersion: '0', timeoutSeconds: '2' });
    await expect.poll(() => unaffected.ended, patient).toBe('clean');
    expect([open.seen, fresh.seen, other.ended]).toEqual([[], [], undefined]);
    fault.end();
    await expect.poll(() => open.seen, patient).toEqual(['ADDED a']);
    await expect.poll(() => fresh.seen, patient).toEqual(['ADDED a']);
    await expect.poll(() => other.ended, patient).toBe('clean');
  });

  it('expire the history, whatever the version, while open watches go on', async () => {
    const open = await api.client.watch(configMaps, { resourceVersion: '0' });
    const { body } = await api.client.get(configMaps);
    api.sandbox.faults.expireHistory();
    const late = await api.client.watch(configMaps, { resourceVersion: body.metadata.resourceVersion! });
    await expect.poll(() => late.events[0]?.object.code, patient).toBe(410);
    const { body: again } = await api.client.get(configMaps);
    const fresh = await api.client.watch(configMaps, { resourceVersion: again.metadata.resourceVersion! });
    await create('a');
    await expect.poll(() => fresh.seen, patient).toEqual(['ADDED a']);
    await expect.poll(() => open.seen, patient).toEqual(['ADDED a']);
  });

  it('refuse connections, and take them again on the same port', async () => {
    const { url } = api.sandbox;
    const watch = await api.client.watch(configMaps, { resourceVersion: '0' });
    await api.sandbox.faults.refuseConnections();
    await expect(create('a')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect.poll(() => watch.ended, patient).toBe('cut');
    await api.sandbox.faults.acceptConnections();
    expect(api.sandbox.url).toBe(url);
    expect((await create('a')).code).toBe(201);
  });
});

describe('the request log', () => {
  it('has every request with what it asked and how it was answered', async () => {
    await using api = await TestApi.start({});
    const { requests } = api.sandbox;
    expect(requests.count()).toBe(0);
    api.client.userAgent = 'acr/1';
    await api.client.apply(secrets, { namespace: 'default', name: 's' }, {}, { query: { fieldManager: 'fm' } });
    expect(requests.all).toHaveLength(1);
    expect(requests.all[0]).toMatchObject({
      verb: 'patch',
      resource: 'secrets',
      namespace: 'default',
      name: 's',
      query: { fieldManager: 'fm' },
      userAgent: 'acr/1',
      contentType: 'application/apply-patch+yaml',
      user: 'admin',
      dryRun: false,
      status: 201,
    });
    expect(requests.all[0]?.at).toBeGreaterThan(Date.now() - 60_000);
    await api.client.get(secrets);
    await api.client.get(secrets, { namespace: 'default', name: 'none' });
    const watch = await api.client.watch(secrets, { resourceVersion: '0' }, 'default');
    expect(requests.all.slice(1).map(({ verb, namespace, name, status }) => [verb, namespace, name, status])).toEqual([
      ['list', '', '', 200],
      ['get', 'default', 'none', 404],
      ['watch', 'default', '', 200],
    ]);
    watch.close();
    await until(() => api.sandbox.openWatches === 0);
  });

  it('finds by verb, resource, place, program and outcome, and tells writes from dry runs', async () => {
    await using api = await TestApi.start({});
    const { requests } = api.sandbox;
    const create = (query: Record<string, string> = {}) =>
      api.client.create(serviceAccounts, 'default', { metadata: { name: 'a' } }, { query });
    await create({ dryRun: 'All' });
    await create();
    await create();
    api.client.userAgent = 'other/2';
    await api.client.delete(serviceAccounts, { namespace: 'default', name: 'a' });
    expect(requests.count({ verb: 'create' })).toBe(3);
    expect(requests.count({ verb: ['create', 'delete'], dryRun: false })).toBe(3);
    expect(requests.count({ userAgent: /^other/ })).toBe(1);
    expect(requests.count({ status: 409 })).toBe(1);
    expect(requests.writes({ namespace: 'default', resource: 'serviceaccounts' })).toHaveLength(3);
    expect(requests.writes({ verb: 'patch' })).toEqual([]);
    requests.clear();
    expect(requests.all).toEqual([]);
  });

  it('leaves out what the controllers do', async () => {
    await using api = await TestApi.start({});
    await api.namespace();
    expect(api.sandbox.requests.writes({ resource: 'serviceaccounts' })).toEqual([]);
  });
});

describe('users', () => {
  it('have tokens of their own, by which webhooks and the log know them', async () => {
    await using api = await TestApi.start({});
    await using client = new SandboxClient(api.sandbox.kubeconfig('system:serviceaccount:kube-system:injector'));
    expect((await client.get(namespaces)).code).toBe(200);
    expect(api.sandbox.requests.all.at(-1)?.user).toBe('system:serviceaccount:kube-system:injector');
    const headers = { 'impersonate-user': 'somebody' };
    expect((await client.get(namespaces, {}, { headers })).code).toBe(403);
    await api.client.get(namespaces, {}, { headers });
    expect(api.sandbox.requests.all.at(-1)?.user).toBe('somebody');
  });
});

describe('the clock', () => {
  it('is where timestamps come from', async () => {
    const clock = new ManualClock(Date.parse('2031-02-03T04:05:06.789Z'));
    await using api = await TestApi.start({ clock });
    const { body } = await api.client.apply(configMaps, { namespace: 'default', name: 'a' }, { data: { a: '1' } });
    expect(body.metadata.creationTimestamp).toBe('2031-02-03T04:05:06Z');
    expect(body.metadata.managedFields?.[0]?.time).toBe('2031-02-03T04:05:06Z');
    expect(api.sandbox.requests.all[0]?.at).toBe(clock.now());
  });
});
