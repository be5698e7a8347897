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
import type { MatchConditions } from './match-conditions.ts';
import { canSelectByName, isProtected, reachedNamespaces, type ReachContext } from './reach.ts';
import { SELF_TEST_LABEL } from './self-test-request.ts';

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
  /** Of Pods that are created; undefined: all come. */
  podConditions?: MatchConditions;
}

/** One kind of request that comes to the webhook. */
interface Entry {
  name: string;
  resource: 'serviceaccounts' | 'pods';
  operation: 'CREATE' | 'UPDATE';
  failurePolicy: 'Ignore' | 'Fail';
  ofNamespaces: Expressions;
  ofObjects: Expressions;
  matchConditions?: MatchConditions;
}

type Expressions = NonNullable<LabelSelector['matchExpressions']>;

const notOptedOut: Expressions[number] = { key: OPT_OUT_LABEL, operator: 'NotIn', values: ['false'] };
const notOurOwn: Expressions[number] = { key: 'app.kubernetes.io/name', operator: 'NotIn', values: [FIELD_MANAGER] };

/** The registration as the configuration wants it. */
export function webhookConfiguration(context: RegistrationContext): MutatingWebhookConfiguration {
  const { owner, podConditions } = context;
  const entries = [...groups(context).flatMap((group) => entriesOf(group, podConditions)), selfTest(context)];
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: {
      name: WEBHOOK_CONFIGURATION_NAME,
      labels: { [MANAGED_BY_LABEL]: FIELD_MANAGER },
      ...(owner && { ownerReferences: [owner] }),
    },
    webhooks: entries.map((entry) => webhook(entry, context)),
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

function entriesOf({ suffix, failurePolicy, selector }: Group, podConditions?: MatchConditions): Entry[] {
  const common = { failurePolicy, ofNamespaces: [notOptedOut, ...selector] };
  const accounts = { ...common, resource: 'serviceaccounts' as const, ofObjects: [notOptedOut] };
  return [
    { ...accounts, name: `serviceaccount-create${suffix}`, operation: 'CREATE' },
    // A refused UPDATE would hold a namespace in Terminating.
    { ...accounts, name: `serviceaccount-update${suffix}`, operation: 'UPDATE', failurePolicy: 'Ignore' },
    {
      ...common,
      name: `pod-create${suffix}`,
      resource: 'pods',
      operation: 'CREATE',
      ofObjects: [notOptedOut, notOurOwn],
      matchConditions: podConditions,
    },
  ];
}

/**
 * Where names of namespaces can be told, only the own one. The others do not leave its label out, by which anybody could keep a
 * ServiceAccount away: what two of them are for is asked about twice, which changes nothing.
 */
function selfTest(context: RegistrationContext): Entry {
  return {
    name: 'self-test',
    resource: 'serviceaccounts',
    operation: 'CREATE',
    failurePolicy: 'Ignore',
    ofNamespaces: canSelectByName(context) ? byName('In', [context.ownNamespace]) : [],
    ofObjects: [{ key: SELF_TEST_LABEL, operator: 'Exists' }],
  };
}

function webhook(entry: Entry, { config, address, caBundle }: RegistrationContext): MutatingWebhook {
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
    // An empty list would be stored as none.
    namespaceSelector: entry.ofNamespaces.length > 0 ? { matchExpressions: entry.ofNamespaces } : {},
    objectSelector: { matchExpressions: entry.ofObjects },
    ...(entry.matchConditions && { matchConditions: entry.matchConditions }),
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
