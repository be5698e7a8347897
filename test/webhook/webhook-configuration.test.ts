import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { MutatingWebhookConfiguration, OwnerReference } from '../../src/kube/objects.ts';
import { failurePolicyFor, reaches } from '../../src/webhook/reach.ts';
import { isAsWanted } from '../../src/webhook/registration-drift.ts';
import { webhookConfiguration, type RegistrationContext } from '../../src/webhook/webhook-configuration.ts';
import { configWith } from '../builders/config.ts';
import { matchingEntries, selects } from './matching-entries.ts';

const owner: OwnerReference = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  name: 'acr',
  uid: 'u1',
};

const contextWith = (fields: Partial<RegistrationContext> = {}): RegistrationContext => ({
  config: configWith({ webhook: { enabled: true, failurePolicy: 'Fail', timeoutSeconds: 7 } }),
  ownNamespace: 'acr',
  serverMinor: 30,
  address: { service: { namespace: 'acr', name: 'injector', port: 443 } },
  caBundle: 'PEM',
  ...fields,
});

/** The entries to which the API server sends the creation of a Pod. */
function entriesFor(registration: MutatingWebhookConfiguration, namespace: string, labels?: Record<string, string>) {
  const namespaceLabels = { 'kubernetes.io/metadata.name': namespace };
  return matchingEntries(registration, { operation: 'CREATE', resource: 'pods', namespaceLabels, labels });
}

describe('the registration', () => {
  const registration = webhookConfiguration(contextWith());

  it('sorts behind other webhooks, so that it sees what they add', () => {
    expect(['istio-sidecar-injector', 'vault', 'zz-acr-credential-injector'].sort().at(-1)).toBe(
      registration.metadata.name,
    );
  });

  it('is for creations with the policy of the user, and for UPDATEs with Ignore', () => {
    const entries = registration.webhooks?.map(({ rules: [rule], failurePolicy }) => {
      return `${rule?.operations.join()} ${rule?.resources.join()} ${failurePolicy}`;
    });
    expect(entries).toEqual([
      'CREATE serviceaccounts Fail',
      'UPDATE serviceaccounts Ignore',
      'CREATE pods Fail',
      'CREATE serviceaccounts Ignore',
    ]);
  });

  it('says what the API server has to know', () => {
    for (const webhook of registration.webhooks ?? []) {
      expect(webhook).toMatchObject({
        clientConfig: {
          service: { namespace: 'acr', name: 'injector', port: 443, path: '/mutate' },
          caBundle: Buffer.from('PEM').toString('base64'),
        },
        matchPolicy: 'Equivalent',
        reinvocationPolicy: 'IfNeeded',
        sideEffects: 'NoneOnDryRun',
        timeoutSeconds: 7,
        admissionReviewVersions: ['v1'],
      });
      expect(webhook.rules).toMatchObject([{ apiGroups: [''], apiVersions: ['v1'], scope: 'Namespaced' }]);
    }
  });

  it('has entries of different names, each one a domain', () => {
    const { webhooks = [] } = webhookConfiguration(
      contextWith({ config: configWith({ watchNamespaces: ['team-a', 'kube-system'] }) }),
    );
    expect(new Set(webhooks.map(({ name }) => name)).size).toBe(7);
    for (const { name } of webhooks) expect(name).toMatch(/^[a-z-]+(\.[a-z-]+){2,}$/);
  });

  it.each([20, 30])('holds no empty list, which the API server would leave out: on 1.%i', (serverMinor) => {
    const config = configWith({ watchNamespaces: [] });
    expect(JSON.stringify(webhookConfiguration(contextWith({ config, serverMinor })))).not.toContain('[]');
  });

  it('leads to a URL where there is no Service', () => {
    const url = 'https://10.0.0.1:8443/mutate';
    const { webhooks = [] } = webhookConfiguration(contextWith({ address: { url } }));
    for (const { clientConfig } of webhooks) expect(clientConfig).toMatchObject({ url });
    for (const { clientConfig } of webhooks) expect(clientConfig).not.toHaveProperty('service');
  });

  it('goes with the ClusterRole that owns it', () => {
    expect(webhookConfiguration(contextWith({ owner })).metadata.ownerReferences).toEqual([owner]);
    expect(registration.metadata).not.toHaveProperty('ownerReferences');
  });

  it('lets objects and namespaces opt out, and our own Pods always', () => {
    const optOut = { 'acr-credential-injector/inject': 'false' };
    expect(entriesFor(registration, 'team-a', optOut)).toEqual([]);
    expect(entriesFor(registration, 'team-a', { 'app.kubernetes.io/name': 'acr-credential-injector' })).toEqual([]);
    expect(selects(registration.webhooks?.[0]?.namespaceSelector, optOut)).toBe(false);
  });

  it('reaches each namespace through one entry, with the policy that is told elsewhere, or not at all', () => {
    const name = fc.constantFrom('team-a', 'team-b', 'kube-system', 'kube-public', 'kube-node-lease', 'acr');
    const watchNamespaces: fc.Arbitrary<Config['watchNamespaces']> = fc.oneof(
      fc.constant('all' as const),
      fc.uniqueArray(name),
    );
    const webhook = fc.record({
      enabled: fc.constant(true),
      failurePolicy: fc.constantFrom('Ignore' as const, 'Fail' as const),
      timeoutSeconds: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(
        watchNamespaces,
        webhook,
        fc.constantFrom(20, 21, 30),
        name,
        (watched, policy, serverMinor, namespace) => {
          const context = contextWith({
            config: configWith({ watchNamespaces: watched, webhook: policy }),
            serverMinor,
          });
          const entries = entriesFor(webhookConfiguration(context), namespace);
          expect(entries.length).toBe(reaches(namespace, context) ? 1 : 0);
          for (const { failurePolicy } of entries) expect(failurePolicy).toBe(failurePolicyFor(namespace, context));
        },
      ),
    );
  });
});

describe('a stored registration', () => {
  const wanted = webhookConfiguration(contextWith({ owner }));
  /** With what the API server adds. */
  function storedWith(change: (stored: MutatingWebhookConfiguration) => void = () => undefined) {
    const stored = structuredClone(wanted);
    stored.metadata = { ...stored.metadata, uid: 'u', resourceVersion: '3', managedFields: [{}] };
    change(stored);
    return stored;
  }
  const first = (stored: MutatingWebhookConfiguration) => stored.webhooks![0]!;

  it.each<[string, (stored: MutatingWebhookConfiguration) => void]>([
    ['with what the API server adds', () => undefined],
    ['with labels of somebody else', ({ metadata }) => Object.assign(metadata.labels!, { team: 'x' })],
    ['with empty conditions', (stored) => Object.assign(first(stored), { matchConditions: [] })],
  ])('%s is as wanted', (_, change) => {
    expect(isAsWanted(storedWith(change), wanted)).toBe(true);
  });

  it.each<[string, (stored: MutatingWebhookConfiguration) => void]>([
    ['without an entry', (stored) => stored.webhooks?.pop()],
    ['without any', (stored) => delete stored.webhooks],
    ['with an entry too many', (stored) => stored.webhooks?.push(first(stored))],
    ['in another order', (stored) => stored.webhooks?.reverse()],
    ['with another policy', (stored) => (first(stored).failurePolicy = 'Ignore')],
    ['with another timeout', (stored) => (first(stored).timeoutSeconds = 30)],
    ['with another bundle', (stored) => (first(stored).clientConfig.caBundle = 'eA==')],
    ['with another address', (stored) => (first(stored).clientConfig.service!.name = 'x')],
    ['with a rule more', (stored) => first(stored).rules.push(first(stored).rules[0]!)],
    ['with an operation more', (stored) => first(stored).rules[0]!.operations.push('DELETE')],
    ['narrowed by a condition', (stored) => (first(stored).matchConditions = [{ name: 'x', expression: 'false' }])],
    ['narrowed by labels of namespaces', (stored) => (first(stored).namespaceSelector!.matchLabels = { x: 'y' })],
    ['narrowed by labels of objects', (stored) => (first(stored).objectSelector!.matchLabels = { x: 'y' })],
    [
      'narrowed by an expression',
      (stored) => first(stored).objectSelector!.matchExpressions!.push({ key: 'x', operator: 'Exists' }),
    ],
    ['without our label', ({ metadata }) => delete metadata.labels],
    ['without its owner', ({ metadata }) => delete metadata.ownerReferences],
    ['with the owner of before', ({ metadata }) => (metadata.ownerReferences = [{ ...owner, uid: 'u0' }])],
  ])('%s is not as wanted', (_, change) => {
    expect(isAsWanted(storedWith(change), wanted)).toBe(false);
  });
});
