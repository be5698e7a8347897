import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../../src/kube/resources.ts';
import { base64, TestApi, uniqueName } from './test-api.ts';

const { secrets, configMaps, serviceAccounts, namespaces, leases, events } = resources;

describe('objects over the API', () => {
  let api: TestApi;
  let namespace: string;
  beforeAll(async () => {
    api = await TestApi.start();
    namespace = await api.namespace();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  it('answers a creation with 201 and the identity that the server gave', async () => {
    const { code, body } = await api.client.create(configMaps, namespace, {
      metadata: { name: 'created' },
      data: { a: '1' },
    });
    expect(code).toBe(201);
    expect(body).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { a: '1' } });
    expect(body.metadata).toMatchObject({ name: 'created', namespace });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(0);
  });

  it('refuses a second object of the name with AlreadyExists', async () => {
    await api.client.create(configMaps, namespace, { metadata: { name: 'twice' } });
    const { code, body } = await api.client.create(configMaps, namespace, { metadata: { name: 'twice' } });
    expect(code).toBe(409);
    expect(body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'configmaps "twice" already exists',
      reason: 'AlreadyExists',
      details: { name: 'twice', kind: 'configmaps' },
      code: 409,
    });
  });

  it('makes a name of a generateName', async () => {
    const { body } = await api.client.create(configMaps, namespace, { metadata: { generateName: 'made-' } });
    expect(body.metadata.name).toMatch(/^made-[a-z0-9]{5}$/);
  });

  it('refuses an object without any name', async () => {
    const { code, body } = await api.client.create(configMaps, namespace, { metadata: {} });
    expect([code, body.reason]).toEqual([422, 'Invalid']);
    expect(body.message).toContain('name or generateName is required');
  });

  it('refuses an object in a namespace that is missing with NotFound of the namespace', async () => {
    const { code, body } = await api.client.create(configMaps, 'nowhere', { metadata: { name: 'a' } });
    expect(code).toBe(404);
    expect(body).toMatchObject({
      reason: 'NotFound',
      message: 'namespaces "nowhere" not found',
      details: { name: 'nowhere', kind: 'namespaces' },
    });
  });

  it('answers NotFound for a missing object, with its group where it has one', async () => {
    const core = await api.client.get(secrets, { namespace, name: 'missing' });
    expect([core.code, core.body.message]).toEqual([404, 'secrets "missing" not found']);
    const { code, body } = await api.client.get(leases, { namespace, name: 'missing' });
    expect([code, body.message]).toEqual([404, 'leases.coordination.k8s.io "missing" not found']);
    expect(body.details).toEqual({ name: 'missing', group: 'coordination.k8s.io', kind: 'leases' });
  });

  it('refuses an update from an old resourceVersion with Conflict', async () => {
    const { body: first } = await api.client.create(configMaps, namespace, { metadata: { name: 'contended' } });
    const ref = { namespace, name: 'contended' };
    const second = await api.client.update(configMaps, ref, { ...first, data: { a: '1' } });
    expect(second.code).toBe(200);
    const { code, body } = await api.client.update(configMaps, ref, { ...first, data: { a: '2' } });
    expect([code, body.reason]).toEqual([409, 'Conflict']);
    expect(body.message).toBe(
      'Operation cannot be fulfilled on configmaps "contended": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  it('takes an update without a resourceVersion, but not of a Lease', async () => {
    const ref = { namespace, name: 'unconditional' };
    await api.client.create(configMaps, namespace, { metadata: { name: ref.name } });
    const { code } = await api.client.update(configMaps, ref, { metadata: { name: ref.name }, data: { a: '1' } });
    expect(code).toBe(200);
    await api.client.create(leases, namespace, { metadata: { name: ref.name } });
    const { code: refused, body } = await api.client.update(leases, ref, { metadata: { name: ref.name } });
    expect([refused, body.reason]).toEqual([422, 'Invalid']);
    expect(body.message).toContain('metadata.resourceVersion: Invalid value: 0x0: must be specified for an update');
  });

  it('answers NotFound for the update of a missing object', async () => {
    const { code } = await api.client.update(
      configMaps,
      { namespace, name: 'missing' },
      { metadata: { name: 'missing' } },
    );
    expect(code).toBe(404);
  });

  it('keeps the resourceVersion when an update changes nothing', async () => {
    const { body } = await api.client.create(configMaps, namespace, { metadata: { name: 'same' }, data: { a: '1' } });
    const { body: after } = await api.client.update(configMaps, { namespace, name: 'same' }, body);
    expect(after.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
  });

  it('deletes with a Status, and with the preconditions that are given', async () => {
    const ref = { namespace, name: 'doomed' };
    const { body } = await api.client.create(configMaps, namespace, { metadata: { name: ref.name } });
    const wrong = await api.client.delete(configMaps, ref, { preconditions: { uid: 'other' } });
    expect([wrong.code, wrong.body.reason]).toEqual([409, 'Conflict']);
    expect(wrong.body.message).toContain('the UID in the precondition (other) does not match the UID in record');
    const old = await api.client.delete(configMaps, ref, { preconditions: { resourceVersion: '1' } });
    expect(old.code).toBe(409);
    const { code, body: status } = await api.client.delete(configMaps, ref, {
      preconditions: { uid: body.metadata.uid },
    });
    expect(code).toBe(200);
    expect(status).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'doomed', kind: 'configmaps' },
    });
    expect((await api.client.delete(configMaps, ref)).code).toBe(404);
  });

  it('keeps a deleted object until its last finalizer goes', async () => {
    const ref = { namespace, name: 'held' };
    await api.client.create(configMaps, namespace, { metadata: { name: ref.name, finalizers: ['example.com/hold'] } });
    await api.client.delete(configMaps, ref);
    const { body: held } = await api.client.get(configMaps, ref);
    expect(held.metadata.deletionTimestamp).toBeDefined();
    await api.client.patch(configMaps, ref, { type: 'merge', patch: { metadata: { finalizers: null } } });
    expect((await api.client.get(configMaps, ref)).code).toBe(404);
  });

  it('deletes a collection by selector', async () => {
    const scope = await api.namespace();
    await api.client.create(configMaps, scope, { metadata: { name: 'a', labels: { kind: 'x' } } });
    await api.client.create(configMaps, scope, { metadata: { name: 'b' } });
    const path = `/api/v1/namespaces/${scope}/configmaps`;
    await api.client.send('DELETE', path, undefined, { query: { labelSelector: 'kind=x' } });
    const { body } = await api.client.get(configMaps, { namespace: scope });
    const names = body.items?.map(({ metadata }) => metadata.name).filter((name) => name !== 'kube-root-ca.crt');
    expect(names).toEqual(['b']);
  });

  it('runs a dry run without storing anything', async () => {
    const query = { dryRun: 'All' };
    const created = await api.client.create(configMaps, namespace, { metadata: { name: 'dry' } }, { query });
    expect(created.code).toBe(201);
    const ref = { namespace, name: 'dry' };
    expect((await api.client.get(configMaps, ref)).code).toBe(404);
    await api.client.create(configMaps, namespace, { metadata: { name: 'dry' } });
    const changed = await api.client.update(
      configMaps,
      ref,
      { metadata: { name: 'dry' }, data: { a: '1' } },
      { query },
    );
    expect(changed.body.data).toEqual({ a: '1' });
    await api.client.delete(configMaps, ref, undefined, { query });
    expect((await api.client.get(configMaps, ref)).body.data).toBeUndefined();
  });

  it('refuses a dry run that is not All', async () => {
    const { code } = await api.client.create(
      configMaps,
      namespace,
      { metadata: { name: 'dry2' } },
      { query: { dryRun: 'x' } },
    );
    expect(code).toBe(422);
  });

  it('refuses a body of another kind, name or namespace', async () => {
    const kind = await api.client.create(configMaps, namespace, {
      kind: 'Secret',
      apiVersion: 'v1',
      metadata: { name: 'a' },
    });
    expect([kind.code, kind.body.reason]).toEqual([400, 'BadRequest']);
    const other = await api.client.create(configMaps, namespace, { metadata: { name: 'a', namespace: 'other' } });
    expect(other.code).toBe(400);
    await api.client.create(configMaps, namespace, { metadata: { name: 'named' } });
    const name = await api.client.update(configMaps, { namespace, name: 'named' }, { metadata: { name: 'b' } });
    expect(name.code).toBe(400);
  });

  it('takes a null for an absent field', async () => {
    const name = uniqueName('nulls');
    const { body } = await api.client.create(serviceAccounts, namespace, {
      metadata: { name },
      imagePullSecrets: null,
    });
    expect(body.imagePullSecrets).toBeUndefined();
  });

  it('stores Events and finds them by the object they are about', async () => {
    const involvedObject = { kind: 'ConfigMap', namespace, name: uniqueName('subject') };
    const event = { metadata: { generateName: 'e-' }, involvedObject, type: 'Warning', reason: 'R', message: 'm' };
    expect((await api.client.create(events, namespace, event)).code).toBe(201);
    const fieldSelector = `involvedObject.name=${involvedObject.name},involvedObject.kind=ConfigMap`;
    const { body } = await api.client.get(events, { namespace }, { query: { fieldSelector } });
    expect(body.items).toHaveLength(1);
  });

  it('refuses a request without a valid token', async () => {
    const headers = { authorization: 'Bearer wrong' };
    const { code, body } = await api.client.get(namespaces, {}, { headers });
    expect(code).toBe(401);
    expect(body).toMatchObject({ kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized', code: 401 });
  });

  it('answers NotFound for what is not served and MethodNotAllowed for what cannot be done', async () => {
    expect((await api.client.send('GET', '/apis/nothing.example.com/v1/things')).code).toBe(404);
    expect((await api.client.send('POST', '/api/v1/secrets', {})).code).toBe(405);
    expect((await api.client.send('PUT', '/api/v1/namespaces/default/secrets', {})).code).toBe(405);
  });

  it('answers what discovery and probes ask', async () => {
    const version = (await api.client.send('GET', '/version')).body;
    expect(version).toMatchObject({ major: '1', minor: expect.stringMatching(/^\d+/) as string });
    const core = (await api.client.send('GET', '/api/v1')).body.resources as { name: string; kind: string }[];
    expect(core).toContainEqual(
      expect.objectContaining({ name: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true }),
    );
    const { groups } = (await api.client.send('GET', '/apis')).body as unknown as { groups: { name: string }[] };
    expect(groups.map(({ name }) => name)).toContain('coordination.k8s.io');
    for (const path of ['/readyz', '/livez', '/healthz']) expect((await api.client.send('GET', path)).code).toBe(200);
  });
});

describe('Secrets', () => {
  let api: TestApi;
  let namespace: string;
  beforeAll(async () => {
    api = await TestApi.start();
    namespace = await api.namespace();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  it('are Opaque unless told, and take stringData', async () => {
    const { body } = await api.client.create(secrets, namespace, { metadata: { name: 's' }, stringData: { a: 'b' } });
    expect(body).toMatchObject({ type: 'Opaque', data: { a: base64('b') } });
    expect(body.stringData).toBeUndefined();
  });

  it('never change their type', async () => {
    await api.client.create(secrets, namespace, { metadata: { name: 'typed' }, type: 'example.com/a' });
    const ref = { namespace, name: 'typed' };
    const { code, body } = await api.client.patch(secrets, ref, { type: 'merge', patch: { type: 'example.com/b' } });
    expect([code, body.reason]).toEqual([422, 'Invalid']);
    expect(body.message).toBe('Secret "typed" is invalid: type: Invalid value: "example.com/b": field is immutable');
    expect(body.details).toMatchObject({ kind: 'Secret', causes: [{ reason: 'FieldValueInvalid', field: 'type' }] });
    const applied = await api.client.apply(secrets, ref, { type: 'example.com/c' }, { query: { force: 'true' } });
    expect(applied.code).toBe(422);
  });

  it('that are immutable keep their data', async () => {
    const ref = { namespace, name: 'fixed' };
    await api.client.create(secrets, namespace, { metadata: { name: ref.name }, data: { a: 'YQ==' }, immutable: true });
    const { code, body } = await api.client.patch(secrets, ref, { type: 'merge', patch: { data: { a: 'Yg==' } } });
    expect(code).toBe(422);
    expect(body.message).toBe('Secret "fixed" is invalid: data: Forbidden: field is immutable when `immutable` is set');
    const freed = await api.client.patch(secrets, ref, { type: 'merge', patch: { immutable: false } });
    expect(freed.code).toBe(422);
    const label = await api.client.patch(secrets, ref, { type: 'merge', patch: { metadata: { labels: { a: 'b' } } } });
    expect(label.code).toBe(200);
  });

  it('of type dockerconfigjson need their key, with JSON in it', async () => {
    const type = 'kubernetes.io/dockerconfigjson';
    const missing = await api.client.create(secrets, namespace, { metadata: { name: 'd' }, type });
    expect(missing.code).toBe(422);
    expect(missing.body.message).toBe('Secret "d" is invalid: data[.dockerconfigjson]: Required value');
    const data = { '.dockerconfigjson': base64('{') };
    const broken = await api.client.create(secrets, namespace, { metadata: { name: 'd' }, type, data });
    expect(broken.code).toBe(422);
    expect(broken.body.message).toContain('data[.dockerconfigjson]: Invalid value: "<secret contents redacted>"');
    const good = { '.dockerconfigjson': base64('{"auths":{}}') };
    const { code } = await api.client.create(secrets, namespace, { metadata: { name: 'd' }, type, data: good });
    expect(code).toBe(201);
  });

  it('refuse data that is not base64', async () => {
    const { code } = await api.client.create(secrets, namespace, {
      metadata: { name: 'raw' },
      data: { a: 'no base64!' },
    });
    expect(code).toBe(400);
  });
});
