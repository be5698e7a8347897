import { isDeepStrictEqual } from 'node:util';
import { FIELD_MANAGER } from '../kube/field-manager.ts';
import type {
  LabelSelector,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  OwnerReference,
  WebhookClientConfig,
} from '../kube/objects.ts';
import { MANAGED_BY_LABEL } from '../secrets/pull-secret.ts';
import { OPT_OUT_LABEL } from '../targets/target-selector.ts';
import { canSelectByName, isProtected, reachedNamespaces, type ReachContext } from './reach.ts';

/** Sorts behind other webhooks, so that the images of sidecars that they add are seen. */
export const WEBHOOK_CONFIGURATION_NAME = 'zz-acr-credential-injector';
export const MUTATE_PATH = '/mutate';

/** Where the API server finds the webhook, apart from the bundle. */
export type WebhookAddress = { url: string } | { service: { namespace: string; name: string; port: number } };

export interface RegistrationContext extends ReachContext {
  address: WebhookAddress;
  /** PEM. */
  caBundle: string;
  owner?: OwnerReference;
}

/** One kind of request that comes to the webhook. */
interface Entry {
  name: string;
  resource: 'serviceaccounts' | 'pods';
  operation: 'CREATE' | 'UPDATE';
  failurePolicy: 'Ignore' | 'Fail';
}

/** The registration as the configuration wants it. */
export function webhookConfiguration(context: RegistrationContext): MutatingWebhookConfiguration {
  const { owner } = context;
  const webhooks = groups(context).flatMap(({ suffix, failurePolicy, selector }) =>
    entries(suffix, failurePolicy).map((entry) => webhook(entry, context, selector)),
  );
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: {
      name: WEBHOOK_CONFIGURATION_NAME,
      labels: { [MANAGED_BY_LABEL]: FIELD_MANAGER },
      ...(owner && { ownerReferences: [owner] }),
    },
    webhooks,
  };
}

/** Entries that differ by the namespaces that they are for. */
interface Group {
  suffix: string;
  failurePolicy: 'Ignore' | 'Fail';
  selector: Expressions;
}

function groups(context: RegistrationContext): Group[] {
  const { failurePolicy } = context.config.webhook;
  if (!canSelectByName(context)) return [{ suffix: '', failurePolicy: 'Ignore', selector: [] }];
  const reached = reachedNamespaces(context);
  if ('except' in reached) return [{ suffix: '', failurePolicy, selector: byName('NotIn', reached.except) }];
  const { protectedNames = [], ordinary = [] } = Object.groupBy(reached.names, (name) =>
    isProtected(name, context.ownNamespace) ? 'protectedNames' : 'ordinary',
  );
  const all: Group[] = [
    { suffix: '', failurePolicy, selector: byName('In', ordinary) },
    { suffix: '-protected', failurePolicy: 'Ignore', selector: byName('In', protectedNames) },
  ];
  return all.filter(({ selector }) => selector.some(({ values = [] }) => values.length > 0));
}

/** Is the stored registration as wanted? What the API server adds by itself is no difference; an entry too many is. */
export function isAsWanted(stored: MutatingWebhookConfiguration, wanted: MutatingWebhookConfiguration): boolean {
  const { webhooks = [], metadata } = stored;
  return (
    contains(webhooks, wanted.webhooks ?? []) &&
    !webhooks.some(isNarrowed) &&
    contains(metadata, { labels: wanted.metadata.labels, ownerReferences: wanted.metadata.ownerReferences })
  );
}

/** Somebody added a condition of a kind that we never write: requests that we count on may not come. */
function isNarrowed({ matchConditions = [], namespaceSelector, objectSelector }: MutatingWebhook): boolean {
  return matchConditions.length > 0 || Boolean(namespaceSelector?.matchLabels ?? objectSelector?.matchLabels);
}

function entries(suffix: string, failurePolicy: 'Ignore' | 'Fail'): Entry[] {
  return [
    { name: `serviceaccount-create${suffix}`, resource: 'serviceaccounts', operation: 'CREATE', failurePolicy },
    // A refused UPDATE would hold a namespace in Terminating.
    {
      name: `serviceaccount-update${suffix}`,
      resource: 'serviceaccounts',
      operation: 'UPDATE',
      failurePolicy: 'Ignore',
    },
    { name: `pod-create${suffix}`, resource: 'pods', operation: 'CREATE', failurePolicy },
  ];
}

type Expressions = NonNullable<LabelSelector['matchExpressions']>;

function webhook(
  entry: Entry,
  { config, address, caBundle }: RegistrationContext,
  byNamespaceName: Expressions,
): MutatingWebhook {
  const notOptedOut: Expressions[number] = { key: OPT_OUT_LABEL, operator: 'NotIn', values: ['false'] };
  const notOurOwn: Expressions[number] = { key: 'app.kubernetes.io/name', operator: 'NotIn', values: [FIELD_MANAGER] };
  return {
    name: `${entry.name}.acr-credential-injector.local`,
    clientConfig: { ...clientConfig(address), caBundle: Buffer.from(caBundle).toString('base64') },
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: [entry.resource],
        operations: [entry.operation],
        scope: 'Namespaced',
      },
    ],
    failurePolicy: entry.failurePolicy,
    matchPolicy: 'Equivalent',
    namespaceSelector: { matchExpressions: [notOptedOut, ...byNamespaceName] },
    objectSelector: { matchExpressions: entry.resource === 'pods' ? [notOptedOut, notOurOwn] : [notOptedOut] },
    reinvocationPolicy: 'IfNeeded',
    sideEffects: 'NoneOnDryRun',
    timeoutSeconds: config.webhook.timeoutSeconds,
    admissionReviewVersions: ['v1'],
  };
}

function byName(operator: 'In' | 'NotIn', names: readonly string[]): Expressions {
  return [{ key: 'kubernetes.io/metadata.name', operator, values: [...names] }];
}

function clientConfig(address: WebhookAddress): WebhookClientConfig {
  return 'url' in address ? { url: address.url } : { service: { ...address.service, path: MUTATE_PATH } };
}

function contains(stored: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(stored) && stored.length === wanted.length && wanted.every((item, i) => contains(stored[i], item))
    );
  }
  if (wanted === undefined) return true;
  if (typeof wanted !== 'object' || wanted === null) return isDeepStrictEqual(stored, wanted);
  if (typeof stored !== 'object' || stored === null) return false;
  return Object.entries(wanted).every(([key, value]) => contains((stored as Record<string, unknown>)[key], value));
}
