import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { resources } from '../../../src/kube/resources.ts';
import { loopbackCertificate } from './certificate.ts';
import { TestApi, uniqueName } from './test-api.ts';
import { caBundle, entry, register, TestWebhook } from './test-webhook.ts';
import type { ReviewRequest } from './test-webhook.ts';

const { serviceAccounts, configMaps, mutatingWebhookConfigurations } = resources;
const fixtures = '../../fixtures/admission-reviews/';
/** An authority that signed no webhook. */
const otherAuthority = Buffer.from(loopbackCertificate().cert).toString('base64');
const addLabel = (label: string) => [
  { op: 'add', path: '/metadata/labels', value: { [label]: 'yes' } },
  { op: 'add', path: '/metadata/annotations', value: { [label]: 'yes' } },
];

describe('mutating webhooks', () => {
  let api: TestApi;
  let hook: TestWebhook;
  beforeAll(async () => {
    api = await TestApi.start();
  });
  afterAll(() => api[Symbol.asyncDispose]());
  beforeEach(async () => {
    hook = await TestWebhook.start();
  });
  afterEach(async () => {
    const { body } = await api.client.get(mutatingWebhookConfigurations);
    for (const { metadata } of body.items ?? []) {
      await api.client.delete(mutatingWebhookConfigurations, { name: metadata.name! });
    }
    await hook[Symbol.asyncDispose]();
  });

  const createAccount = (namespace: string, name = 'a', fields: object = {}) =>
    api.client.create(serviceAccounts, namespace, { metadata: { name }, ...fields });
  const createMap = (namespace: string, name: string, fields: object = {}, query: Record<string, string> = {}) =>
    api.client.create(configMaps, namespace, { metadata: { name, ...fields } }, { query });

  it('are sent an AdmissionReview like the ones captured from a real server', async () => {
    const namespace = await register(api, [entry(hook, { timeoutSeconds: 7 })]);
    const labels = { 'app.kubernetes.io/name': 'demo' };
    const body = {
      ...{ kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'demo', namespace, labels } },
      automountServiceAccountToken: true,
    };
    await api.client.create(serviceAccounts, namespace, body, { query: { fieldManager: 'helm' } });
    const { review, headers, url } = hook.received[0]!;
    expect(url).toBe('/mutate?timeout=7s');
    expect(headers).toMatchObject({ 'user-agent': 'kube-apiserver-admission', 'content-type': 'application/json' });
    const file = new URL(`${fixtures}serviceaccount-create-by-helm.json`, import.meta.url);
    const captured = JSON.parse(readFileSync(file, 'utf8')) as typeof review;
    expect(Object.keys(review)).toEqual(Object.keys(captured));
    expect(Object.keys(review.request)).toEqual(Object.keys(captured.request));
    const { kind, resource, operation, userInfo, oldObject, dryRun, options } = captured.request;
    expect(review.request).toMatchObject({
      kind,
      resource,
      operation,
      userInfo,
      oldObject,
      dryRun,
      options,
      namespace,
    });
    expect(review.request.object).toMatchObject(body);
    expect(review.request.object.metadata).toMatchObject({ creationTimestamp: null });
    expect(review.request.object.metadata.uid).toBeUndefined();
  });

  it('see the ServiceAccount of a new namespace as the captured one', async () => {
    const labels = { mark: uniqueName('new') };
    const webhook = entry(hook, { namespaceSelector: { matchLabels: labels } });
    await register(api, [webhook]);
    const namespace = await api.namespace({ labels });
    const file = new URL(`${fixtures}serviceaccount-create-default.json`, import.meta.url);
    const { request } = JSON.parse(readFileSync(file, 'utf8')) as { request: ReviewRequest };
    const seen = hook.requests.find(({ operation, name }) => operation === 'CREATE' && name === 'default')!;
    expect(Object.keys(seen)).toEqual(Object.keys(request));
    expect(seen.userInfo).toMatchObject({ username: request.userInfo.username, groups: request.userInfo.groups });
    expect(seen.object).toEqual({ ...request.object, metadata: { ...request.object.metadata, namespace } });
    expect(seen.options).toEqual(request.options);
  });

  it('are shown an UPDATE with the old object, which has no managedFields', async () => {
    const namespace = await register(api, [entry(hook)]);
    await createMap(namespace, 'changed', { labels: { a: '1' } });
    const patch = { data: { a: '1' } };
    await api.client.patch(configMaps, { namespace, name: 'changed' }, { type: 'merge', patch });
    const { operation, object, oldObject, options, name } = hook.requests[1]!;
    expect([operation, name, object.data, oldObject?.data]).toEqual(['UPDATE', 'changed', { a: '1' }, undefined]);
    expect(object.metadata.managedFields).toBeDefined();
    expect(oldObject?.metadata.managedFields).toBeUndefined();
    expect(object.metadata.resourceVersion).toBe(oldObject?.metadata.resourceVersion);
    expect(options).toEqual({ kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1' });
  });

  it('see server-side apply as a CREATE, then as an UPDATE', async () => {
    const namespace = await register(api, [entry(hook)]);
    for (const a of ['1', '2']) await api.client.apply(configMaps, { namespace, name: 'applied' }, { data: { a } });
    expect(hook.requests.map(({ operation }) => operation)).toEqual(['CREATE', 'UPDATE']);
    expect(hook.requests.map(({ options }) => options)).toMatchObject([
      { kind: 'CreateOptions', fieldManager: 'test-applier' },
      { kind: 'UpdateOptions', fieldManager: 'test-applier' },
    ]);
  });

  it('are called for an empty JSON Patch, and may change the object then', async () => {
    const namespace = await register(api, [entry(hook)]);
    await createMap(namespace, 'nudged');
    hook.reply = () => ({ patch: addLabel('nudged') });
    const ref = { namespace, name: 'nudged' };
    const { body } = await api.client.patch(configMaps, ref, { type: 'json', patch: [] });
    expect(body.metadata.labels).toEqual({ nudged: 'yes' });
  });

  it('own nothing of what they add', async () => {
    const namespace = await register(api, [entry(hook)]);
    hook.reply = () => ({ patch: [{ op: 'add', path: '/imagePullSecrets', value: [{ name: 'p' }] }] });
    const ref = { namespace, name: 'sa' };
    const created = await api.client.apply(serviceAccounts, ref, { automountServiceAccountToken: true });
    expect(created.body.imagePullSecrets).toEqual([{ name: 'p' }]);
    expect(JSON.stringify(created.body.metadata.managedFields)).not.toContain('imagePullSecrets');
    hook.reply = () => ({});
    const { code, body } = await api.client.apply(serviceAccounts, ref, { automountServiceAccountToken: false });
    expect([code, body.imagePullSecrets]).toEqual([200, [{ name: 'p' }]]);
  });

  it('deny with their own status, message and details', async () => {
    const namespace = await register(api, [entry(hook)]);
    const status = { code: 503, reason: 'ServiceUnavailable', message: 'not yet', details: { retryAfterSeconds: 1 } };
    hook.reply = () => ({ allowed: false, status });
    const { code, body, headers } = await createMap(namespace, 'denied');
    expect(code).toBe(503);
    expect(body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'ServiceUnavailable',
      message: 'admission webhook "test.example.com" denied the request: not yet',
      details: { retryAfterSeconds: 1 },
    });
    expect(headers['retry-after']).toBe('1');
  });

  it('that deny without a word are a 400', async () => {
    const namespace = await register(api, [entry(hook)]);
    hook.reply = () => ({ allowed: false });
    const { code, body } = await createMap(namespace, 'denied');
    expect(code).toBe(400);
    expect(body.message).toBe('admission webhook "test.example.com" denied the request without explanation');
  });

  it('that cannot be reached fail the request, or are ignored, as their policy says', async () => {
    const dead = await TestWebhook.start();
    const { url, port } = dead;
    await dead[Symbol.asyncDispose]();
    const failing = await register(api, [entry({ url })]);
    const { code, body } = await createMap(failing, 'a');
    expect([code, body.reason]).toEqual([500, 'InternalError']);
    expect(body.message).toBe(
      `Internal error occurred: failed calling webhook "test.example.com": Post "${url}?timeout=10s": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
    const ignoring = await register(api, [entry({ url }, { failurePolicy: 'Ignore' })]);
    expect((await createMap(ignoring, 'a')).code).toBe(201);
  });

  it('that take too long fail after timeoutSeconds', async () => {
    const namespace = await register(api, [entry(hook, { timeoutSeconds: 1 })]);
    hook.delayMs = 3000;
    const startedAt = Date.now();
    const { code, body } = await createMap(namespace, 'slow');
    expect(code).toBe(500);
    expect(body.message).toContain('failed calling webhook "test.example.com"');
    expect(body.message).toMatch(/deadline exceeded/);
    expect(Date.now() - startedAt).toBeLessThan(2500);
  });

  it('whose certificate is of another authority fail', async () => {
    const clientConfig = { url: hook.url, caBundle: otherAuthority };
    const namespace = await register(api, [entry(hook, { clientConfig })]);
    const { code, body } = await createMap(namespace, 'untrusted');
    expect(code).toBe(500);
    expect(body.message).toContain('x509: certificate signed by unknown authority');
    expect(hook.received).toEqual([]);
  });

  it.each([
    ['an HTTP error', 500, '{}'],
    ['no JSON', 200, 'nonsense'],
    ['another kind', 200, '{"kind":"Pod","apiVersion":"v1"}'],
    ['no response', 200, '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}'],
  ])('that answer %s fail, or are ignored', async (_what, status, text) => {
    hook.status = status;
    hook.reply = () => text;
    const failing = await register(api, [entry(hook)]);
    const { code, body } = await createMap(failing, 'a');
    expect(code).toBe(500);
    expect(body.message).toMatch(/^Internal error occurred: failed calling webhook "test.example.com": /);
    const ignoring = await register(api, [entry(hook, { failurePolicy: 'Ignore' })]);
    expect((await createMap(ignoring, 'a')).code).toBe(201);
  });

  it('that answer under another uid fail', async () => {
    const namespace = await register(api, [entry(hook)]);
    hook.reply = () => ({ uid: 'other' });
    const { code, body } = await createMap(namespace, 'a');
    expect(code).toBe(500);
    expect(body.message).toContain('expected response.uid=');
  });

  it('whose patch does not apply are a 500 even under Ignore', async () => {
    const namespace = await register(api, [entry(hook, { failurePolicy: 'Ignore' })]);
    hook.reply = () => ({ patch: [{ op: 'test', path: '/metadata/name', value: 'x' }] });
    const { code, body } = await createMap(namespace, 'a');
    expect([code, body.reason]).toEqual([500, 'InternalError']);
    expect(body.message).toMatch(/^Internal error occurred: /);
  });

  it('warn the client, also when they deny', async () => {
    const namespace = await register(api, [entry(hook)]);
    hook.reply = () => ({ warnings: ['mind "this"'] });
    expect((await createMap(namespace, 'a')).headers.warning).toBe(String.raw`299 - "mind \"this\""`);
    hook.reply = () => ({ warnings: ['mind that'], allowed: false });
    expect((await createMap(namespace, 'b')).headers.warning).toBe('299 - "mind that"');
  });

  it('are called on a dry run, which they are told of, unless they have side effects they would not leave out', async () => {
    const namespace = await register(api, [entry(hook, { sideEffects: 'NoneOnDryRun' })]);
    hook.reply = () => ({ patch: addLabel('dry') });
    const { body } = await createMap(namespace, 'a', {}, { dryRun: 'All' });
    expect(body.metadata.labels).toEqual({ dry: 'yes' });
    expect(hook.requests[0]).toMatchObject({ dryRun: true, options: { dryRun: ['All'] } });
    expect((await api.client.get(configMaps, { namespace, name: 'a' })).code).toBe(404);
  });

  it('are called only for what their rules name', async () => {
    const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['serviceaccounts'] }];
    const namespace = await register(api, [entry(hook, { rules })]);
    await createMap(namespace, 'a');
    await createAccount(namespace, 'a');
    await api.client.patch(
      serviceAccounts,
      { namespace, name: 'a' },
      { type: 'merge', patch: { metadata: { labels: { a: 'b' } } } },
    );
    expect(hook.requests.map(({ operation, name }) => [operation, name])).toEqual([['CREATE', 'a']]);
  });

  it('are called only for objects that their objectSelector matches, before or after', async () => {
    const objectSelector = { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' as const }] };
    const namespace = await register(api, [entry(hook, { objectSelector })]);
    await createMap(namespace, 'skipped', { labels: { skip: 'x' } });
    expect(hook.requests).toHaveLength(0);
    const ref = { namespace, name: 'skipped' };
    const relabel = (skip: string | null) =>
      api.client.patch(configMaps, ref, { type: 'merge', patch: { metadata: { labels: { skip } } } });
    await relabel('y');
    expect(hook.requests).toHaveLength(0);
    await relabel(null);
    await relabel('z');
    expect(hook.requests).toHaveLength(2);
  });

  it('are called in the order of the names of their configurations', async () => {
    const order: string[] = [];
    await using second = await TestWebhook.start();
    hook.reply = () => (order.push('zz'), {});
    second.reply = () => (order.push('aa'), {});
    const namespace = await register(api, [entry(hook), entry(second)], ['zz', 'aa']);
    await createMap(namespace, 'a');
    expect(order).toEqual(['aa', 'zz']);
  });

  it('are called once more where a later one changed the object and they ask for it', async () => {
    await using later = await TestWebhook.start();
    later.reply = () => ({ patch: [{ op: 'add', path: '/metadata/labels', value: { later: 'yes' } }] });
    const namespace = await register(
      api,
      [entry(hook, { reinvocationPolicy: 'IfNeeded' }), entry(later, { reinvocationPolicy: 'IfNeeded' })],
      ['aa', 'zz'],
    );
    await createMap(namespace, 'a');
    expect(hook.requests.map(({ object }) => object.metadata.labels)).toEqual([undefined, { later: 'yes' }]);
    expect(later.requests).toHaveLength(1);
  });

  it('are not called once more without asking for it, nor when they were skipped at first', async () => {
    await using later = await TestWebhook.start();
    await using skipped = await TestWebhook.start();
    later.reply = () => ({ patch: [{ op: 'add', path: '/metadata/labels', value: { later: 'yes' } }] });
    const objectSelector = { matchLabels: { later: 'yes' } };
    const namespace = await register(
      api,
      [entry(hook), entry(skipped, { reinvocationPolicy: 'IfNeeded', objectSelector }), entry(later)],
      ['aa', 'bb', 'zz'],
    );
    await createMap(namespace, 'a');
    expect([hook.requests.length, skipped.requests.length, later.requests.length]).toEqual([1, 0, 1]);
  });

  it('see what earlier ones changed', async () => {
    await using later = await TestWebhook.start();
    hook.reply = () => ({ patch: addLabel('first') });
    const namespace = await register(api, [entry(hook), entry(later)], ['aa', 'bb']);
    await createMap(namespace, 'a');
    expect(later.requests[0]?.object.metadata.labels).toEqual({ first: 'yes' });
  });

  it('are not called for webhook configurations', async () => {
    const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }];
    await register(api, [entry(hook, { rules, namespaceSelector: {}, failurePolicy: 'Ignore' })]);
    hook.received.length = 0;
    const body = { metadata: { name: uniqueName('exempt') }, webhooks: [] };
    expect((await api.client.create(mutatingWebhookConfigurations, '', body)).code).toBe(201);
    const seen = hook.requests.filter(({ resource }) => resource.resource === mutatingWebhookConfigurations.plural);
    expect(seen).toEqual([]);
  });

  it('keep their connection', async () => {
    const namespace = await register(api, [entry(hook)]);
    for (const name of ['a', 'b', 'c']) await createMap(namespace, name);
    expect(hook.requests).toHaveLength(3);
    expect(hook.connections).toBe(1);
  });

  it('get the defaults of their fields, and are refused with wrong ones', async () => {
    const name = uniqueName('defaults');
    const clientConfig = { service: { namespace: 'system', name: 'hook' }, caBundle };
    const namespaceSelector = { matchLabels: { none: 'matches' } };
    const body = {
      metadata: { name },
      webhooks: [entry(hook, { clientConfig, namespaceSelector, matchConditions: [] })],
    };
    const { body: created } = await api.client.create(mutatingWebhookConfigurations, '', body);
    expect(created.webhooks).toMatchObject([
      {
        failurePolicy: 'Fail',
        matchPolicy: 'Equivalent',
        objectSelector: {},
        timeoutSeconds: 10,
        reinvocationPolicy: 'Never',
        rules: [{ scope: '*' }],
        clientConfig: { service: { port: 443 } },
      },
    ]);
    expect((created.webhooks as object[])[0]).not.toHaveProperty('matchConditions');
    const wrong = entry(hook, { name: 'short', timeoutSeconds: 31, sideEffects: 'Some', admissionReviewVersions: [] });
    const refused = await api.client.create(mutatingWebhookConfigurations, '', {
      metadata: { name: 'w' },
      webhooks: [wrong],
    });
    expect(refused.code).toBe(422);
    for (const text of ['three segments', 'sideEffects', 'between 1 and 30 seconds', 'admissionReviewVersions']) {
      expect(refused.body.message).toContain(text);
    }
    await api.client.apply(mutatingWebhookConfigurations, { name }, { webhooks: [] }, { query: { force: 'true' } });
  });
});

describe('webhooks of the sandbox', () => {
  it('given as a Service are called at its endpoint, under its name', async () => {
    await using api = await TestApi.start({});
    await using hook = await TestWebhook.start();
    const clientConfig = { service: { namespace: 'system', name: 'hook', path: '/m' }, caBundle };
    const namespace = await register(api, [entry(hook, { clientConfig })]);
    const create = (name: string) => api.client.create(configMaps, namespace, { metadata: { name } });
    const unknown = await create('a');
    expect(unknown.body.message).toContain('failed calling webhook "test.example.com": service "hook" not found');
    api.sandbox.resolveService = (inNamespace, name) =>
      `127.0.0.1:${inNamespace + name === 'systemhook' ? hook.port : 1}`;
    expect((await create('b')).code).toBe(201);
    expect(hook.received[0]?.headers.host).toBe('hook.system.svc');
    const other = { service: { namespace: 'system', name: 'other' }, caBundle };
    api.sandbox.resolveService = () => `127.0.0.1:${hook.port}`;
    const misnamed = await register(api, [entry(hook, { clientConfig: other })]);
    const { body } = await api.client.create(configMaps, misnamed, { metadata: { name: 'a' } });
    expect(body.message).toContain('x509: certificate is not valid for other.system.svc');
  });

  it('leave a record of what they were asked and what they answered', async () => {
    await using api = await TestApi.start({});
    await using hook = await TestWebhook.start();
    const namespace = await register(api, [entry(hook, { failurePolicy: 'Ignore' })]);
    hook.reply = () => ({ auditAnnotations: { decision: 'patched' }, patch: addLabel('x') });
    await api.client.create(configMaps, namespace, { metadata: { name: 'a' } });
    expect(api.sandbox.admissions.at(-1)).toMatchObject({
      webhook: 'test.example.com',
      request: { name: 'a', operation: 'CREATE' },
      response: { allowed: true, auditAnnotations: { decision: 'patched' }, patch: JSON.stringify(addLabel('x')) },
    });
    hook.reply = () => 'nonsense';
    await api.client.create(configMaps, namespace, { metadata: { name: 'b' } });
    expect(api.sandbox.admissions.at(-1)?.error).toBeDefined();
    expect(api.sandbox.admissions.at(-1)?.response).toBeUndefined();
  });

  it('match namespaces by name only where the version labels them', async () => {
    const named = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } } };
    for (const [minor, calls] of [
      ['20', 0],
      ['21', 1],
    ] as const) {
      await using api = await TestApi.start({ kubernetesVersion: { major: '1', minor, gitVersion: `v1.${minor}.0` } });
      await using hook = await TestWebhook.start();
      await register(api, [entry(hook, named)]);
      await api.client.create(configMaps, 'default', { metadata: { name: 'a' } });
      expect(hook.requests).toHaveLength(calls);
    }
  });

  it('keep matchConditions from 1.28 on', async () => {
    await using api = await TestApi.start({ kubernetesVersion: { major: '1', minor: '30', gitVersion: 'v1.30.0' } });
    const matchConditions = [{ name: 'all', expression: 'true' }];
    const body = { metadata: { name: 'm' }, webhooks: [entry({ url: 'https://127.0.0.1:1/' }, { matchConditions })] };
    const { body: created } = await api.client.create(mutatingWebhookConfigurations, '', body);
    expect(created.webhooks).toMatchObject([{ matchConditions }]);
  });
});
