import type { Clock } from '../clock.ts';
import { KubeApiError } from '../errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Namespace, Secret } from '../kube/objects.ts';
import type { Reflector } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import { selectsNamespace, type ObservedNamespace, type TargetRules } from '../targets/target-selector.ts';
import type { PullSecretWriter } from './pull-secret-writer.ts';
import { foreignReason, type ForeignReason, type ObservedSecret } from './secret-drift.ts';

export interface SecretReconcilerOptions {
  clock: Clock;
  client: Pick<KubeClient, 'delete'>;
  rules: () => TargetRules | undefined;
  namespaces: Pick<Reflector<Namespace, ObservedNamespace>, 'get' | 'entries' | 'subscribe'>;
  secrets: Pick<Reflector<Secret, ObservedSecret>, 'get' | 'subscribe'>;
  secretName: string;
  writer: Pick<PullSecretWriter, 'ensure'>;
  /** Takes the reference from every ServiceAccount of a namespace that is a target no longer. */
  detachNamespace: (namespace: string) => Promise<void>;
  onForeign: (namespace: string, reason: ForeignReason) => void;
  onDeleted: (namespace: string) => void;
  onFailure: (namespace: string, error: unknown, retryInMs: number) => void;
}

/** Writes in flight at once. */
const CONCURRENCY = 32;

/** Makes every target namespace hold a current pull Secret, and no namespace that is not a target one of ours. */
export class SecretReconciler {
  readonly #options: SecretReconcilerOptions;
  readonly #queue: WorkQueue;

  constructor(options: SecretReconcilerOptions) {
    this.#options = options;
    const { clock, onFailure, namespaces, secrets } = options;
    this.#queue = new WorkQueue({
      clock,
      concurrency: CONCURRENCY,
      onFailure,
      reconcile: (namespace) => this.#reconcile(namespace),
    });
    namespaces.subscribe((name, current) => {
      if (current) this.#queue.add(name);
    });
    secrets.subscribe((key) => this.#queue.add(key.slice(0, key.indexOf('/'))));
  }

  start(signal: AbortSignal): void {
    this.#queue.start(signal);
    this.reconcileAll();
  }

  /** The tokens or the configuration changed. */
  reconcileAll(): void {
    for (const [name] of this.#options.namespaces.entries()) this.#queue.add(name);
  }

  async #reconcile(namespace: string): Promise<void> {
    const { rules, namespaces, secrets, secretName, writer, onForeign } = this.#options;
    const currentRules = rules();
    const observedNamespace = namespaces.get(namespace);
    if (!currentRules || !observedNamespace || observedNamespace.terminating) return;
    const observed = secrets.get(`${namespace}/${secretName}`);
    if (!selectsNamespace(currentRules, namespace, observedNamespace)) {
      if (observed?.managed) await this.#remove(namespace, observed);
      return;
    }
    const foreign = foreignReason(observed);
    if (foreign) onForeign(namespace, foreign);
    else await writer.ensure(namespace);
  }

  async #remove(namespace: string, { uid, resourceVersion }: ObservedSecret): Promise<void> {
    const { client, secretName, detachNamespace, onDeleted } = this.#options;
    // First the references, then what they name: kubelet warns of references to Secrets that do not exist.
    await detachNamespace(namespace);
    try {
      await client.delete(resources.secrets, { namespace, name: secretName }, { uid, resourceVersion });
      onDeleted(namespace);
    } catch (error) {
      if (!(error instanceof KubeApiError && error.status === 404)) throw error;
    }
  }
}
