import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient, type JsonPatchOperation } from '../../src/kube/kube-client.ts';
import type {
  KubeEvent,
  MutatingWebhookConfiguration,
  ObjectMeta,
  Secret,
  ServiceAccount,
} from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { freePorts } from '../contract/free-ports.ts';
import { REGISTRATION, useTestBed } from '../contract/test-bed.ts';
import { uniqueName } from '../contract/unique-name.ts';
import { applyPolicies, refused, removePolicies, serviceKubeconfig } from './held-service.ts';

const PULL = 'acr-credential-secret-aggregation';
const PULL_TYPE = 'kubernetes.io/dockerconfigjson';
const TOKEN_TYPE = 'kubernetes.io/service-account-token';
const own = uniqueName('acr');
const namespace = uniqueName('team');
const account = { namespace, name: 'app' };
const { secrets, serviceAccounts } = resources;
const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: '00000000-0000-0000-0000-000000000000' };

const secret = (metadata: ObjectMeta, type = PULL_TYPE): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata,
  type,
  ...(type === PULL_TYPE && { data: { '.dockerconfigjson': btoa('{"auths":{}}') } }),
});
const listOf = (...names: string[]) => names.map((name) => ({ name }));
const replace = (path: string, value: unknown): JsonPatchOperation[] => [{ op: 'add', path, value }];

describe('the admission policy of the chart', () => {
  let kubeconfig: string;
  let admin: KubeClient;
  /** Under the service's identity, and with every right. */
  let service: KubeClient;

  beforeAll(async () => {
    const administrator = inject('kubeconfig');
    kubeconfig = await serviceKubeconfig(administrator, own);
    admin = new KubeClient(KubeConnection.load(administrator, systemClock));
    service = new KubeClient(KubeConnection.load(kubeconfig, systemClock));

    for (const name of [own, namespace]) await admin.create(resources.namespaces, { metadata: { name } });
    await applyPolicies(administrator, own);
    await admin.create<Secret>(secrets, secret({ namespace, name: 'other' }, 'Opaque'));
    await admin.create<Secret>(secrets, secret({ namespace, name: PULL }));
    await admin.create<ServiceAccount>(serviceAccounts, {
      metadata: { ...account, labels: { team: 'a' }, annotations: { role: 'a' } },
      imagePullSecrets: listOf('zeta', PULL, 'alpha'),
      secrets: listOf('other'),
    });
    // A policy is in force a moment after it is written.
    const probe = (name: string) => service.create(secrets, secret({ namespace, name }, 'Opaque'), { dryRun: true });
    await eventually(() =>
      probe('probe').then(
        () => false,
        () => true,
      ),
    );
  });

  afterAll(async () => {
    await removePolicies(inject('kubeconfig'));
    for (const name of [own, namespace]) await admin.delete(resources.namespaces, { name });
    await Promise.all([admin.close(), service.close()]);
    await rm(dirname(kubeconfig), { recursive: true });
  });

  const patch = (operations: JsonPatchOperation[]) => service.jsonPatch(serviceAccounts, account, operations);
  const attacks: [what: string, attack: () => Promise<unknown>][] = [
    [
      "make a token of somebody's ServiceAccount under a pull Secret's name",
      () => {
        const annotations = { 'kubernetes.io/service-account.name': 'app' };
        return service.create(secrets, secret({ namespace, name: `${PULL}-2`, annotations }, TOKEN_TYPE));
      },
    ],
    [
      "make such a token under its own Secret's name",
      () => {
        const annotations = { 'kubernetes.io/service-account.name': 'default' };
        const metadata = { namespace: own, name: 'acr-credential-injector-tokens', annotations };
        return service.apply(secrets, secret(metadata, TOKEN_TYPE));
      },
    ],
    ['make an Opaque Secret', () => service.create(secrets, secret({ namespace, name: `${PULL}-2` }, 'Opaque'))],
    ['make a Secret of another name', () => service.apply(secrets, secret({ namespace, name: `${PULL}-6` }))],
    [
      'make a Secret of a name to be generated',
      () => service.create(secrets, secret({ namespace, generateName: PULL })),
    ],
    [
      'make its own Secret in another namespace',
      () => service.apply(secrets, secret({ namespace, name: 'acr-credential-injector-ca' }, 'Opaque')),
    ],
    [
      "change somebody's Secret",
      () => service.jsonPatch(secrets, { namespace, name: 'other' }, replace('/data', { key: btoa('value') })),
    ],
    ["delete somebody's Secret", () => service.delete(secrets, { namespace, name: 'other' })],
    [
      'keep a namespace from going, with a finalizer on a new Secret',
      () => service.apply(secrets, secret({ namespace, name: `${PULL}-3`, finalizers: ['example.com/hold'] })),
    ],
    [
      'keep a namespace from going, with a finalizer on an old Secret',
      () =>
        service.jsonPatch(secrets, { namespace, name: PULL }, replace('/metadata/finalizers', ['example.com/hold'])),
    ],
    [
      'have a Secret collected by the garbage collector',
      () => service.jsonPatch(secrets, { namespace, name: PULL }, replace('/metadata/ownerReferences', [owner])),
    ],
    ["take somebody's entry from a ServiceAccount", () => patch(replace('/imagePullSecrets', listOf('zeta', PULL)))],
    [
      "change the order of somebody's entries",
      () => patch(replace('/imagePullSecrets', listOf('alpha', PULL, 'zeta'))),
    ],
    ["add somebody's Secret to a list", () => patch(replace('/imagePullSecrets/-', { name: 'other' }))],
    ['add an entry without a name', () => patch(replace('/imagePullSecrets/-', {}))],
    ['give a ServiceAccount a role', () => patch(replace('/metadata/annotations/role', 'admin'))],
    ['give a ServiceAccount a label', () => patch(replace('/metadata/labels/team', 'b'))],
    ['mount a Secret by a ServiceAccount', () => patch(replace('/secrets/-', { name: PULL }))],
    ['keep tokens from Pods', () => patch(replace('/automountServiceAccountToken', false))],
    ['hold a ServiceAccount', () => patch(replace('/metadata/finalizers', ['example.com/hold']))],
    ['have a ServiceAccount collected', () => patch(replace('/metadata/ownerReferences', [owner]))],
    ['make a ServiceAccount', () => service.create(serviceAccounts, { metadata: { namespace, name: 'more' } })],
    ['delete a ServiceAccount', () => service.delete(serviceAccounts, account)],
  ];

  it.each(attacks)('does not let the service %s', async (_, attack) => {
    await expect(attack()).rejects.toMatchObject(refused);
  });

  it('lets it make, change and delete pull Secrets anywhere', async () => {
    for (const name of [PULL, `${PULL}-2`, `${PULL}-5`]) {
      await service.apply(
        secrets,
        secret({ namespace, name, annotations: { 'acr-credential-injector/generation': '1' } }),
      );
      await service.apply(
        secrets,
        secret({ namespace, name, annotations: { 'acr-credential-injector/generation': '2' } }),
      );
      await service.delete(secrets, { namespace, name });
    }
  });

  it('lets it write the Secrets of its own namespace', async () => {
    for (const name of ['acr-credential-injector-tokens', 'acr-credential-injector-ca']) {
      await service.apply(secrets, secret({ namespace: own, name, labels: { round: '1' } }, 'Opaque'));
      await service.apply(secrets, secret({ namespace: own, name, labels: { round: '2' } }, 'Opaque'));
    }
  });

  it('lets it attach, detach, give ownership back and patch nothing at all', async () => {
    await patch(replace('/imagePullSecrets', listOf('zeta', 'alpha')));
    await patch(replace('/imagePullSecrets/-', { name: PULL }));
    await patch(replace('/imagePullSecrets/-', { name: `${PULL}-2` }));
    await patch([{ op: 'replace', path: '/metadata/managedFields', value: [{}] }]);
    expect((await patch([])) as ServiceAccount).toMatchObject({
      imagePullSecrets: listOf('zeta', 'alpha', PULL, `${PULL}-2`),
    });
    const bare = { namespace, name: 'bare' };
    await admin.create<ServiceAccount>(serviceAccounts, { metadata: bare });
    await service.jsonPatch(serviceAccounts, bare, replace('/imagePullSecrets', listOf(PULL)));
    await service.jsonPatch(serviceAccounts, bare, [{ op: 'remove', path: '/imagePullSecrets' }]);
  });

  it('lets it create a ServiceAccount in a dry run, and Events', async () => {
    await service.create(serviceAccounts, { metadata: { namespace: own, name: 'self-test' } }, { dryRun: true });
    await service.create<KubeEvent>(resources.events, {
      metadata: { namespace, name: 'app.1' },
      involvedObject: { kind: 'ServiceAccount', ...account },
      type: 'Warning',
      reason: 'ForeignSecret',
      message: 'somebody else has the Secret',
    });
  });

  it('lets everybody else do as they like', async () => {
    await admin.create(secrets, secret({ namespace, name: 'more' }, 'Opaque'));
    await admin.delete(secrets, { namespace, name: 'more' });
    await admin.jsonPatch(serviceAccounts, account, replace('/metadata/labels/team', 'c'));
  });
});

describe('the service, held to the admission policy of the chart', async () => {
  const ownNamespace = uniqueName('acr');
  const listen = `127.0.0.1:${await freePorts(1)}`;
  const webhookUrl = `https://${listen}/mutate`;
  let kubeconfig = '';
  const bed = useTestBed({
    ownNamespace,
    tokenLifeMs: 20_000,
    flags: { listen, 'webhook-url': webhookUrl },
    serviceKubeconfig: async (administrator) => {
      await applyPolicies(administrator, ownNamespace, { extraArgs: [`--webhook-url=${webhookUrl}`] });
      return (kubeconfig = await serviceKubeconfig(administrator, ownNamespace));
    },
  });

  afterAll(async () => {
    await removePolicies(bed.cluster.kubeconfig);
    await rm(dirname(kubeconfig), { recursive: true });
  });

  /** A ServiceAccount with entries of somebody's own, once the service has attached its Secret. */
  async function attached(): Promise<string> {
    const target = await bed.servedNamespace();
    const metadata = { namespace: target, name: 'app', annotations: { role: 'a' } };
    await bed.user.create<ServiceAccount>(serviceAccounts, { metadata, imagePullSecrets: listOf('zeta', 'alpha') });
    await eventually(async () => (await bed.pullSecretsOf(target, 'app')).includes(PULL));
    return target;
  }

  it('serves namespaces, attaches and renews', async () => {
    const target = await attached();
    const issued = bed.cloud.issuedTokens.length;
    await eventually(() => bed.cloud.issuedTokens[issued], { withinMs: 20_000 });
    await bed.servedWithin(target);
  });

  it('attaches and detaches without its webhook', async () => {
    await bed.enforce({ 'webhook-configuration': 'enable: false' });
    const target = await attached();
    await bed.configure({ 'webhook-configuration': 'enable: false', 'watch-namespace': 'somewhere-else' });
    await eventually(async () => (await bed.pullSecret(target)) === undefined);
    expect(await bed.pullSecretsOf(target, 'app')).toEqual(['zeta', 'alpha']);
  });

  it('registers, repairs and takes away its webhook outside the cluster', async () => {
    const { mutatingWebhookConfigurations: kind } = resources;
    const stored = () => bed.find<MutatingWebhookConfiguration>(kind, { name: REGISTRATION });
    const policies = async () => (await stored())?.webhooks?.map(({ failurePolicy }) => failurePolicy);
    const urls = async () => new Set((await stored())?.webhooks?.map(({ clientConfig }) => clientConfig.url));
    await bed.enforce({ 'webhook-configuration': 'enable: true\nfailure-policy: Fail\n' });
    await eventually(async () => (await policies())?.includes('Fail'));
    const elsewhere = {
      op: 'replace' as const,
      path: '/webhooks/0/clientConfig',
      value: { url: 'https://else.where' },
    };
    await bed.client.jsonPatch(kind, { name: REGISTRATION }, [elsewhere]);
    await eventually(async () => [...(await urls())].join() === webhookUrl);
    await bed.user.delete(kind, { name: REGISTRATION });
    await eventually(stored);
    await bed.enforce({ 'webhook-configuration': 'enable: false' });
    await eventually(async () => (await stored()) === undefined);
    await bed.enforce();
    await eventually(async () => [...(await urls())].join() === webhookUrl && !(await policies())?.includes('Fail'));
  });

  it('is refused nothing', () => {
    expect(bed.service.logs.filter(({ error }) => error?.code === 'Forbidden')).toEqual([]);
  });
});
