import type { MutatingWebhookConfiguration, Namespace } from '../../../src/kube/objects.ts';
import type { AdmissionAttributes } from './admission-attributes.ts';
import { webhooksInOrder } from './admission-webhooks.ts';
import type { AdmissionWebhooks, ConfiguredWebhook } from './admission-webhooks.ts';
import { admitNamespaceLifecycle } from './namespace-lifecycle.ts';
import { forbidden } from './status-error.ts';
import { nameOf } from './admission-attributes.ts';
import type { Labels } from './selectors.ts';
import { labelsOf } from './selectors.ts';
import type { ServiceAccountPlugin } from './service-account-plugin.ts';
import { webhookMatches } from './webhook-matching.ts';

/** What admission looks up. */
export interface AdmissionLookups {
  namespace(name: string): Namespace | undefined;
  /** In the order of their names. */
  webhookConfigurations(): MutatingWebhookConfiguration[];
  isQuotaExceeded(resource: string, namespace: string): boolean;
}

/** Which webhooks of one request may be, and have to be, called a second time. */
interface Reinvocation {
  eligible: Set<string>;
  due: Set<string>;
  wanted: boolean;
}

const exempt = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];

/** Admission in the API server's order: namespace, ServiceAccount plugin, webhooks, then once more where one asks for it. */
export class AdmissionChain {
  readonly #lookups: AdmissionLookups;
  readonly #serviceAccounts: ServiceAccountPlugin;
  readonly #webhooks: AdmissionWebhooks;

  constructor(lookups: AdmissionLookups, serviceAccounts: ServiceAccountPlugin, webhooks: AdmissionWebhooks) {
    this.#lookups = lookups;
    this.#serviceAccounts = serviceAccounts;
    this.#webhooks = webhooks;
  }

  /** Changes `attributes.object`; throws the refusal. */
  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const reinvocation: Reinvocation = { eligible: new Set(), due: new Set(), wanted: false };
    await this.#plugins(attributes);
    await this.#callWebhooks(attributes, reinvocation, () => true);
    if (!reinvocation.wanted) return;
    const before = JSON.stringify(attributes.object);
    await this.#plugins(attributes);
    if (JSON.stringify(attributes.object) !== before) requireAll(reinvocation);
    await this.#callWebhooks(attributes, reinvocation, ({ id }) => reinvocation.due.has(id));
  }

  /** The validating half, for the object as it is to be stored. */
  validate(attributes: AdmissionAttributes): void {
    this.#serviceAccounts.validate(attributes);
    const { operation, resource, namespace } = attributes;
    if (operation === 'CREATE' && this.#lookups.isQuotaExceeded(resource.plural, namespace)) {
      const one = `${resource.plural}=1`;
      const why = `exceeded quota: sandbox, requested: ${one}, used: ${one}, limited: ${one}`;
      throw forbidden(resource, nameOf(attributes), why);
    }
  }

  async #plugins(attributes: AdmissionAttributes): Promise<void> {
    admitNamespaceLifecycle(attributes, this.#lookups.namespace(attributes.namespace));
    await this.#serviceAccounts.admit(attributes);
  }

  async #callWebhooks(
    attributes: AdmissionAttributes,
    reinvocation: Reinvocation,
    isDue: (webhook: ConfiguredWebhook) => boolean,
  ): Promise<void> {
    if (exempt.includes(attributes.resource.plural)) return;
    for (const configured of webhooksInOrder(this.#lookups.webhookConfigurations())) {
      const { webhook, id } = configured;
      if (!webhookMatches(webhook, attributes, this.#namespaceLabels(attributes)) || !isDue(configured)) continue;
      if (await this.#webhooks.call(configured, attributes)) {
        requireAll(reinvocation);
        reinvocation.wanted = true;
      }
      if (webhook.reinvocationPolicy === 'IfNeeded') reinvocation.eligible.add(id);
    }
  }

  #namespaceLabels({ resource, namespace, object, oldObject }: AdmissionAttributes): Labels | undefined {
    if (resource.plural === 'namespaces') return labelsOf(object ?? oldObject);
    if (!resource.namespaced) return undefined;
    return this.#lookups.namespace(namespace)?.metadata.labels ?? {};
  }
}

/** All that were called before the change and asked for it are to be called again. */
function requireAll({ eligible, due }: Reinvocation): void {
  for (const id of eligible) due.add(id);
  eligible.clear();
}
