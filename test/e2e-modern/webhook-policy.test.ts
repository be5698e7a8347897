import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ObjectMeta,
  OwnerReference,
} from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { podMatchConditions } from '../../src/webhook/match-conditions.ts';
import { repairPatch } from '../../src/webhook/registration-drift.ts';
import { webhookConfiguration, type RegistrationContext } from '../../src/webhook/webhook-configuration.ts';
import { configWith } from '../builders/config.ts';
import { eventually } from '../contract/eventually.ts';
import { uniqueName } from '../contract/unique-name.ts';
import { applyPolicies, refused, removePolicies, serviceKubeconfig } from './held-service.ts';

const own = uniqueName('acr');
const outside = 'https://service.example.com:8443/mutate?a=b&c=d';
const kind = resources.mutatingWebhookConfigurations;
const ref = { name: 'zz-acr-credential-injector' };
const uid = '00000000-0000-0000-0000-000000000000';
const owner: OwnerReference = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  name: 'acr-credential-injector',
  uid,
};

type Registration = MutatingWebhookConfiguration;
type Context = Partial<RegistrationContext>;
type Change = (registration: Registration) => Registration;

const addresses = {
  'its Service': { values: {}, address: { service: { namespace: own, name: owner.name, port: 443 } } },
  'a URL': { values: { extraArgs: ['--webhook-url', outside] }, address: { url: outside } },
};

/** Every registration that a configuration or a server's version leads to. */
const configurations: [what: string, context: Context][] = [
  ['of all namespaces', {}],
  ['that refuses', { config: configWith({ webhook: { enabled: true, failurePolicy: 'Fail', timeoutSeconds: 30 } }) }],
  [
    'of some namespaces, the protected ones apart',
    { config: configWith({ watchNamespaces: ['team', 'kube-system'] }) },
  ],
  ['of no namespace', { config: configWith({ watchNamespaces: ['team'], excludeNamespaces: ['*'] }) }],
  ['for Pods with certain images', { podConditions: podMatchConditions(['demo.cn-hangzhou.cr.aliyuncs.com']) }],
  ['for an API server that selects no namespace by name', { serverMinor: 20 }],
  ['without an owner', { owner: undefined }],
];

const withMetadata =
  (fields: ObjectMeta): Change =>
  (registration) => ({ ...registration, metadata: { ...registration.metadata, ...fields } });
const withWebhooks =
  (change: (webhook: MutatingWebhook) => Partial<MutatingWebhook>): Change =>
  ({ webhooks = [], ...rest }) => ({ ...rest, webhooks: webhooks.map((each) => ({ ...each, ...change(each) })) });
const withRule = (fields: Partial<MutatingWebhook['rules'][number]>) =>
  withWebhooks(({ rules }) => ({ rules: rules.map((rule) => ({ ...rule, ...fields })) }));
const withService = (fields: object) =>
  withWebhooks(() => {
    const service = { namespace: own, name: owner.name, port: 443, path: '/mutate', ...fields };
    return { clientConfig: { service } };
  });

const attacks: [what: string, change: Change][] = [
  ['a URL of its own', withWebhooks(() => ({ clientConfig: { url: 'https://attacker.example.com' } }))],
  ['a URL that begins like the right one', withWebhooks(() => ({ clientConfig: { url: `${outside}.example.org` } }))],
  ["somebody's Service of the namespace", withService({ name: 'other' })],
  ['a Service of its name elsewhere', withService({ namespace: 'elsewhere' })],
  ['another path', withService({ path: '/other' })],
  ['another port', withService({ port: 8443 })],
  ['every resource', withRule({ resources: ['*'] })],
  ['Secrets', withRule({ resources: ['secrets'] })],
  ['Secrets beside Pods', withRule({ resources: ['pods', 'secrets'] })],
  ['what is done to Pods', withRule({ resources: ['pods/*'] })],
  ['every group', withRule({ apiGroups: ['*'] })],
  ['every version', withRule({ apiVersions: ['*'] })],
  ['every operation', withRule({ operations: ['*'] })],
  ['deletions', withRule({ operations: ['DELETE'] })],
  ['changed Pods', withRule({ resources: ['pods'], operations: ['CREATE', 'UPDATE'] })],
  [
    'a rule for Secrets behind its own',
    withWebhooks(({ rules }) => ({ rules: rules.concat(rules.map((rule) => ({ ...rule, resources: ['secrets'] }))) })),
  ],
  [
    'an entry for Secrets behind its own',
    ({ webhooks = [], ...rest }) => {
      const [first, ...others] = webhooks;
      const [added] = withRule({ resources: ['secrets'] })({ ...rest, webhooks: first && [first] }).webhooks ?? [];
      return {
        ...rest,
        webhooks: [first, ...others, added && { ...added, name: `secrets.${ref.name}.local` }],
      } as Registration;
    },
  ],
  ['a finalizer', withMetadata({ finalizers: ['example.com/hold'] })],
  ['another ClusterRole for an owner', withMetadata({ ownerReferences: [{ ...owner, name: 'cluster-admin' }] })],
  [
    'a second owner',
    withMetadata({
      ownerReferences: [owner, { apiVersion: 'v1', kind: 'ConfigMap', name: owner.name, uid: uid.replace('0', '1') }],
    }),
  ],
];

describe.each(Object.entries(addresses))('a service that is called by %s', (_address, { values, address }) => {
  let kubeconfig: string;
  let admin: KubeClient;
  /** Under the service's identity, and with every right. */
  let service: KubeClient;

  const registrationWith = (context: Context = {}): Registration =>
    webhookConfiguration({
      ...{ config: configWith(), ownNamespace: own, serverMinor: 36, address, caBundle: 'PEM', owner },
      ...context,
    });

  beforeAll(async () => {
    const administrator = inject('kubeconfig');
    kubeconfig = await serviceKubeconfig(administrator, own);
    admin = new KubeClient(KubeConnection.load(administrator, systemClock));
    service = new KubeClient(KubeConnection.load(kubeconfig, systemClock));
    await applyPolicies(administrator, own, values);
    // A policy is in force a moment after it is written.
    const probe = () => service.create(kind, withMetadata({ name: 'probe' })(registrationWith()), { dryRun: true });
    await eventually(() =>
      probe().then(
        () => false,
        () => true,
      ),
    );
  });

  afterEach(() => admin.delete(kind, ref).catch(() => undefined));

  afterAll(async () => {
    await removePolicies(inject('kubeconfig'));
    await Promise.all([admin.close(), service.close()]);
    await rm(dirname(kubeconfig), { recursive: true });
  });

  describe.each(attacks)('with %s', (_, change) => {
    it('is not let register', async () => {
      await expect(service.apply(kind, change(registrationWith()))).rejects.toMatchObject(refused);
    });

    it('is not let change its registration', async () => {
      const { metadata } = await admin.create<Registration>(kind, registrationWith());
      const { webhooks, metadata: changed } = change(registrationWith());
      const operations = [
        { op: 'add' as const, path: '/webhooks', value: webhooks },
        { op: 'add' as const, path: '/metadata', value: { ...metadata, ...changed } },
      ];
      await expect(service.jsonPatch(kind, ref, operations)).rejects.toMatchObject(refused);
    });
  });

  it("is let have no registration of another name, nor delete somebody else's", async () => {
    const other = withMetadata({ name: 'zzz-other' })(registrationWith());
    await expect(service.apply(kind, other)).rejects.toMatchObject(refused);
    await admin.create(kind, other);
    await expect(service.delete(kind, { name: 'zzz-other' })).rejects.toMatchObject(refused);
    await admin.delete(kind, { name: 'zzz-other' });
  });

  it.each(configurations)('is let make, repair, change and delete a registration %s', async (_, context) => {
    const wanted = registrationWith(context);
    await service.apply(kind, wanted);
    // Somebody's edit, all of it at once.
    const edited = attacks.slice(0, 12).reduce((registration, [, change]) => change(registration), wanted);
    const edits = [{ op: 'add' as const, path: '/webhooks', value: edited.webhooks }];
    const stored = await admin.jsonPatch<Registration>(kind, ref, edits);
    await service.jsonPatch(kind, ref, repairPatch(stored, wanted));
    const repaired = await admin.get<Registration>(kind, ref);
    expect(repaired.webhooks).toMatchObject(wanted.webhooks ?? []);
    await service.jsonPatch(kind, ref, repairPatch(repaired, registrationWith({ caBundle: 'PEM of tomorrow' })));
    await admin.jsonPatch(kind, ref, edits);
    await service.delete(kind, ref);
  });

  it('leaves a finalizer that somebody else set, and repairs all the same', async () => {
    await admin.create(kind, withMetadata({ finalizers: ['example.com/hold'] })(registrationWith()));
    const stored = await admin.get<Registration>(kind, ref);
    await service.jsonPatch(kind, ref, repairPatch(stored, registrationWith()));
    await admin.jsonPatch(kind, ref, [{ op: 'remove', path: '/metadata/finalizers' }]);
  });

  it('lets everybody else register what they like', async () => {
    await admin.create(kind, withRule({ resources: ['*'] })(registrationWith()));
  });
});
