import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../../src/kube/resources.ts';
import { TestApi, uniqueName, until } from './test-api.ts';
import { entry, register, TestWebhook } from './test-webhook.ts';

const { serviceAccounts, configMaps, namespaces, pods, deployments, clusterRoles, mutatingWebhookConfigurations } =
  resources;
const podSpec = { containers: [{ name: 'c', image: 'registry.example.com/a:1' }] };
const patient = { timeout: 15_000 };

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api[Symbol.asyncDispose]());

async function createPod(namespace: string, fields: { metadata?: object; spec?: object } = {}) {
  const metadata = { name: uniqueName('pod'), ...fields.metadata };
  return api.client.create(pods, namespace, { metadata, spec: { ...podSpec, ...fields.spec } });
}

describe('namespaces', () => {
  it('begin Active, held by a finalizer, with a ServiceAccount', async () => {
    const name = await api.namespace();
    const { body } = await api.client.get(namespaces, { name });
    expect(body).toMatchObject({ status: { phase: 'Active' }, spec: { finalizers: ['kubernetes'] } });
    expect(body.metadata.labels?.['kubernetes.io/metadata.name']).toBeUndefined();
  });

  it('get back their ServiceAccount when it is deleted', async () => {
    const ref = { namespace: await api.namespace(), name: 'default' };
    const { body: first } = await api.client.get(serviceAccounts, ref);
    await api.client.delete(serviceAccounts, ref);
    await until(async () => {
      const { body } = await api.client.get(serviceAccounts, ref);
      return body.metadata.uid !== undefined && body.metadata.uid !== first.metadata.uid;
    });
  });

  it('that are deleted go with what is in them', async () => {
    const name = await api.namespace();
    await api.client.create(configMaps, name, { metadata: { name: 'a' } });
    const { code, body } = await api.client.delete(namespaces, { name });
    expect(code).toBe(200);
    expect(body).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' } });
    expect(body.metadata.deletionTimestamp).toBeDefined();
    await until(async () => (await api.client.get(namespaces, { name })).code === 404, 15_000);
    expect((await api.client.get(configMaps, { namespace: name, name: 'a' })).code).toBe(404);
  }, 20_000);

  it('stay Terminating, and take nothing new, while something holds them', async () => {
    const name = await api.namespace();
    const held = { name: 'held', finalizers: ['example.com/hold'] };
    await api.client.create(configMaps, name, { metadata: held });
    await api.client.delete(namespaces, { name });
    const { code, body } = await api.client.create(configMaps, name, { metadata: { name: 'late' } });
    expect(code).toBe(403);
    expect(body).toMatchObject({
      reason: 'Forbidden',
      message: `configmaps "late" is forbidden: unable to create new content in namespace ${name} because it is being terminated`,
      details: {
        name: 'late',
        kind: 'configmaps',
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${name} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      },
    });
    const applied = await api.client.apply(configMaps, { namespace: name, name: 'late' }, {});
    expect(applied.body.details).toMatchObject({ causes: [{ reason: 'NamespaceTerminating' }] });
    const patch = { metadata: { finalizers: null } };
    await until(
      async () =>
        (await api.client.get(configMaps, { namespace: name, name: 'held' })).body.metadata.deletionTimestamp !==
        undefined,
    );
    await api.client.patch(configMaps, { namespace: name, name: 'held' }, { type: 'merge', patch });
    await until(async () => (await api.client.get(namespaces, { name })).code === 404, 25_000);
  }, 30_000);

  it('are held by finalizers of their own', async () => {
    const name = await api.namespace({ finalizers: ['example.com/hold'] });
    await api.client.delete(namespaces, { name });
    await until(
      async () => (await api.client.get(serviceAccounts, { namespace: name, name: 'default' })).code === 404,
      15_000,
    );
    await until(async () => {
      const { body } = await api.client.get(namespaces, { name });
      return (body.spec as { finalizers?: string[] }).finalizers === undefined;
    });
    expect((await api.client.get(namespaces, { name })).body).toMatchObject({ status: { phase: 'Terminating' } });
    await api.client.patch(namespaces, { name }, { type: 'merge', patch: { metadata: { finalizers: null } } });
    expect((await api.client.get(namespaces, { name })).code).toBe(404);
  }, 20_000);

  it('are held where a webhook denies the UPDATE that would take a finalizer away', async () => {
    await using hook = await TestWebhook.start();
    const namespace = await register(api, [entry(hook)]);
    const ref = { namespace, name: 'held' };
    await api.client.create(serviceAccounts, namespace, {
      metadata: { name: ref.name, finalizers: ['example.com/hold'] },
    });
    hook.reply = ({ operation }) => ({ allowed: operation !== 'UPDATE' });
    await api.client.delete(namespaces, { name: namespace });
    const release = () =>
      api.client.patch(serviceAccounts, ref, { type: 'merge', patch: { metadata: { finalizers: null } } });
    await expect.poll(async () => (await release()).code, patient).toBe(400);
    expect((await api.client.get(namespaces, { name: namespace })).body).toMatchObject({
      status: { phase: 'Terminating' },
    });
    hook.reply = () => ({});
    await expect.poll(async () => (await release()).code, patient).toBe(200);
  }, 20_000);

  it('that every cluster has cannot be deleted', async () => {
    const { code, body } = await api.client.delete(namespaces, { name: 'default' });
    expect([code, body.message]).toEqual([403, 'namespaces "default" is forbidden: this namespace may not be deleted']);
  });
});

describe('Pods and their ServiceAccount', () => {
  it('run as default unless told, with its pull Secrets', async () => {
    const namespace = await api.namespace();
    const imagePullSecrets = [{ name: 'pull' }];
    const ref = { namespace, name: 'default' };
    await api.client.patch(serviceAccounts, ref, { type: 'merge', patch: { imagePullSecrets } });
    // The real plugin looks at a cache that is a moment behind.
    await expect.poll(async () => (await createPod(namespace)).body.spec, patient).toMatchObject({ imagePullSecrets });
    const { code, body } = await createPod(namespace);
    expect(code).toBe(201);
    expect(body.spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default' });
    expect(body.status).toMatchObject({ phase: 'Pending' });
    const own = await createPod(namespace, { spec: { imagePullSecrets: [{ name: 'own' }] } });
    expect(own.body.spec).toMatchObject({ imagePullSecrets: [{ name: 'own' }] });
  });

  it('are refused where that is missing', async () => {
    const namespace = await api.namespace();
    const { code, body } = await createPod(namespace, {
      metadata: { name: 'p' },
      spec: { serviceAccountName: 'missing' },
    });
    expect(code).toBe(403);
    expect(body.message).toBe(
      `pods "p" is forbidden: error looking up service account ${namespace}/missing: serviceaccount "missing" not found`,
    );
  });

  it('are seen by webhooks with the pull Secrets that it gave', async () => {
    await using hook = await TestWebhook.start();
    const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }];
    const namespace = await register(api, [entry(hook, { rules })]);
    const patch = { imagePullSecrets: [{ name: 'pull' }] };
    await api.client.patch(serviceAccounts, { namespace, name: 'default' }, { type: 'merge', patch });
    await expect.poll(async () => (await createPod(namespace)).body.spec, patient).toMatchObject(patch);
    expect(hook.requests.at(-1)?.object.spec).toMatchObject({ serviceAccountName: 'default', ...patch });
  });

  it('that mirror a static Pod are left alone, and refused with Secrets', async () => {
    const namespace = await api.namespace();
    const metadata = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
    const { code, body } = await createPod(namespace, { metadata, spec: { imagePullSecrets: [{ name: 'a' }] } });
    expect(code).toBe(403);
    expect(body.message).toMatch(/^pods ".*" is forbidden: a mirror pod may not reference secrets$/);
  });

  it('keep their spec but for images', async () => {
    const namespace = await api.namespace();
    const { body } = await createPod(namespace);
    const ref = { namespace, name: body.metadata.name! };
    const change = (spec: object) => api.client.patch(pods, ref, { type: 'strategic-merge', patch: { spec } });
    const refused = await change({ imagePullSecrets: [{ name: 'late' }] });
    expect(refused.code).toBe(422);
    expect(refused.body.message).toContain('pod updates may not change fields other than');
    expect((await change({ containers: [{ name: 'c', image: 'registry.example.com/a:2' }] })).code).toBe(200);
  });

  it('need a container with a name and an image', async () => {
    const namespace = await api.namespace();
    expect((await createPod(namespace, { spec: { containers: [] } })).code).toBe(422);
    expect((await createPod(namespace, { spec: { containers: [{ name: 'c' }] } })).code).toBe(422);
  });
});

describe('Deployments', () => {
  const deployment = (name: string, replicas = 1) => ({
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: podSpec },
    },
  });
  const podsOf = async (namespace: string) => (await api.client.get(pods, { namespace })).body.items ?? [];

  it('become Pods that a ReplicaSet owns', async () => {
    const namespace = await api.namespace();
    expect((await api.client.create(deployments, namespace, deployment('web', 2))).code).toBe(201);
    await expect.poll(async () => (await podsOf(namespace)).length, patient).toBe(2);
    const [pod] = await podsOf(namespace);
    expect(pod?.metadata.name).toMatch(/^web-[a-z0-9]+-[a-z0-9]{5}$/);
    expect(pod?.metadata.ownerReferences).toMatchObject([{ kind: 'ReplicaSet', controller: true }]);
    expect(pod?.metadata.labels).toMatchObject({ app: 'web', 'pod-template-hash': expect.any(String) as string });
    expect(pod?.spec).toMatchObject({
      containers: [{ image: 'registry.example.com/a:1' }],
      serviceAccountName: 'default',
    });
  }, 20_000);

  it('are scaled, restored, and take their Pods with them', async () => {
    const namespace = await api.namespace();
    const ref = { namespace, name: 'web' };
    await api.client.create(deployments, namespace, deployment('web', 1));
    await expect.poll(async () => (await podsOf(namespace)).length, patient).toBe(1);
    await api.client.patch(deployments, ref, { type: 'merge', patch: { spec: { replicas: 3 } } });
    await expect.poll(async () => (await podsOf(namespace)).length, patient).toBe(3);
    const scale = `/apis/apps/v1/namespaces/${namespace}/deployments/web/scale`;
    const { body } = await api.client.send(
      'PATCH',
      scale,
      { spec: { replicas: 2 } },
      { contentType: 'application/merge-patch+json' },
    );
    expect(body).toMatchObject({ kind: 'Scale', spec: { replicas: 2 } });
    await expect.poll(async () => (await podsOf(namespace)).length, patient).toBe(2);
    const [victim] = await podsOf(namespace);
    await api.client.delete(pods, { namespace, name: victim!.metadata.name! });
    await until(async () => {
      const left = await podsOf(namespace);
      return left.length === 2 && left.every(({ metadata }) => metadata.name !== victim?.metadata.name);
    });
    await api.client.delete(deployments, ref, { propagationPolicy: 'Background' });
    await expect.poll(async () => (await podsOf(namespace)).length, patient).toBe(0);
  }, 40_000);

  it('with a new template get new Pods', async () => {
    const namespace = await api.namespace();
    await api.client.create(deployments, namespace, {
      ...deployment('web'),
      spec: { ...deployment('web').spec, strategy: { type: 'Recreate' } },
    });
    await expect.poll(async () => (await podsOf(namespace)).length, patient).toBe(1);
    const patch = { spec: { template: { spec: { containers: [{ name: 'c', image: 'registry.example.com/a:2' }] } } } };
    await api.client.patch(deployments, { namespace, name: 'web' }, { type: 'strategic-merge', patch });
    await until(async () => {
      const [pod, ...others] = await podsOf(namespace);
      return pod !== undefined && others.length === 0 && JSON.stringify(pod.spec).includes('registry.example.com/a:2');
    });
  }, 20_000);

  it('try again when a webhook denies a Pod, as the replicaset-controller', async () => {
    await using hook = await TestWebhook.start();
    const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }];
    const namespace = await register(api, [entry(hook, { rules })]);
    hook.reply = () => ({ allowed: hook.requests.length > 2 });
    await api.client.create(deployments, namespace, deployment('web'));
    await expect.poll(async () => (await podsOf(namespace)).length, patient).toBe(1);
    expect(hook.requests.length).toBeGreaterThan(2);
    const { userInfo, name, object } = hook.requests[0]!;
    expect(userInfo.username).toBe('system:serviceaccount:kube-system:replicaset-controller');
    expect(userInfo.groups).toContain('system:serviceaccounts:kube-system');
    expect([name, object.metadata.name]).toEqual([undefined, undefined]);
  }, 20_000);
});

describe('owned objects', () => {
  const owned = (uid: string, owner: string) => ({
    metadata: {
      name: uniqueName('owned'),
      ownerReferences: [{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: owner, uid }],
    },
    webhooks: [],
  });

  it('go when their owner does', async () => {
    const owner = uniqueName('owner');
    const { body: role } = await api.client.create(clusterRoles, '', { metadata: { name: owner }, rules: [] });
    const { body } = await api.client.create(mutatingWebhookConfigurations, '', owned(role.metadata.uid!, owner));
    const ref = { name: body.metadata.name! };
    expect((await api.client.get(mutatingWebhookConfigurations, ref)).code).toBe(200);
    await api.client.delete(clusterRoles, { name: owner });
    await expect.poll(async () => (await api.client.get(mutatingWebhookConfigurations, ref)).code, patient).toBe(404);
  }, 20_000);

  it('go when the owner that they name is of another uid', async () => {
    const owner = uniqueName('owner');
    await api.client.create(clusterRoles, '', { metadata: { name: owner }, rules: [] });
    const { body } = await api.client.create(
      mutatingWebhookConfigurations,
      '',
      owned('00000000-0000-4000-8000-000000000000', owner),
    );
    const ref = { name: body.metadata.name! };
    await expect.poll(async () => (await api.client.get(mutatingWebhookConfigurations, ref)).code, patient).toBe(404);
  }, 20_000);
});

describe('ServiceAccounts of the sandbox', () => {
  it('get a token Secret, and an UPDATE that says so, where that is asked for', async () => {
    await using api = await TestApi.start({ serviceAccountTokens: true });
    await using hook = await TestWebhook.start();
    const namespace = await register(api, [entry(hook)]);
    await api.client.create(serviceAccounts, namespace, { metadata: { name: 'a' } });
    await expect.poll(() => hook.requests.map(({ operation }) => operation), patient).toEqual(['CREATE', 'UPDATE']);
    expect(hook.requests[1]?.object.secrets).toMatchObject([{ name: expect.stringMatching(/^a-token-/) as string }]);
  });
});
