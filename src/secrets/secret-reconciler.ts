import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Namespace, Secret } from '../kube/objects.ts';
import { isNotFound } from '../kube/if-there.ts';
import { refOf } from '../kube/object-map.ts';
import type { ObjectCache } from '../kube/reflector.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import { selectsNamespace, type ObservedNamespace, type TargetRules } from '../targets/target-selector.ts';
import { pullSecretNames } from './pull-secret.ts';
import type { PullSecretWriter } from './pull-secret-writer.ts';
import type { ForeignReason, ObservedSecret } from './secret-drift.ts';

export interface SecretReconcilerOptions {
  clock: Clock;
  client: Pick<KubeClient, 'delete'>;
  /** Undefined while nothing is to be done. */
  rules: () => TargetRules | undefined;
  namespaces: Pick<ObjectCache<Namespace, ObservedNamespace>, 'get' | 'entries' | 'subscribe'>;
  secrets: Pick<ObjectCache<Secret, ObservedSecret>, 'get' | 'subscribe'>;
  /** Of the first pull Secret of each namespace. */
  secretName: string;
  writer: Pick<PullSecretWriter, 'keep' | 'forget' | 'foreigners'>;
  /** Takes the references to these Secrets from every ServiceAccount of a namespace that needs them no longer. */
  detachNamespace: (namespace: string, names: readonly string[]) => Promise<void>;
  onForeign: (secret: Required<ObjectRef>, reason: ForeignReason) => void;
  onDeleted: (namespace: string) => void;
  onFailure: (namespace: string, error: unknown, retryInMs: number) => void;
}

/** Writes in flight at once: more are no faster, and admissions wait while what comes back of all of them is taken in. */
const CONCURRENCY = 16;

/** Makes every target namespace hold current pull Secrets, as many as it needs, and no other namespace one of ours. */
export class SecretReconciler {
  readonly #options: SecretReconcilerOptions;
  readonly #names: readonly string[];
  readonly #queue: WorkQueue;

  constructor(options: SecretReconcilerOptions) {
    this.#options = options;
    this.#names = pullSecretNames(options.secretName);
    const { clock, onFailure, namespaces, secrets, writer } = options;
    this.#queue = new WorkQueue({
      clock,
      concurrency: CONCURRENCY,
      onFailure,
      reconcile: (namespace) => this.#reconcile(namespace),
    });
    namespaces.subscribe((name, current) => {
      if (current) this.#queue.add(name);
      else writer.forget(name);
    });
    secrets.subscribe((key) => this.#queue.add(refOf(key).namespace));
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
    const { rules, namespaces, writer, onForeign } = this.#options;
    const currentRules = rules();
    const observedNamespace = namespaces.get({ name: namespace });
    if (!currentRules || !observedNamespace || observedNamespace.terminating) return;
    if (!selectsNamespace(currentRules, namespace, observedNamespace)) {
      await this.#removeOthers(namespace, []);
      return;
    }
    for (const { name, reason } of writer.foreigners(namespace)) onForeign({ namespace, name }, reason);
    // First what is needed: a login may have moved from one Secret to another.
    const { outcome, mayNeed, lookAgainInMs } = await writer.keep(namespace);
    if (Number.isFinite(lookAgainInMs)) this.#queue.addAfter(namespace, lookAgainInMs);
    if (outcome !== 'NamespaceGone') await this.#removeOthers(namespace, mayNeed);
  }

  async #removeOthers(namespace: string, kept: readonly string[]): Promise<void> {
    const { secrets, detachNamespace } = this.#options;
    const removed = this.#names
      .filter((name) => !kept.includes(name))
      .flatMap((name) => {
        const observed = secrets.get({ namespace, name });
        return observed?.managed ? [{ ref: { namespace, name }, observed }] : [];
      });
    if (removed.length === 0) return;
    // First the references, then what they name: kubelet warns of references to Secrets that do not exist.
    const names = removed.map(({ ref }) => ref.name);
    await detachNamespace(namespace, names);
    for (const { ref, observed } of removed) await this.#delete(ref, observed);
  }

  async #delete(ref: Required<ObjectRef>, { uid, resourceVersion }: ObservedSecret): Promise<void> {
    const { client, onDeleted } = this.#options;
    try {
      await client.delete(resources.secrets, ref, { uid, resourceVersion });
      onDeleted(ref.namespace);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
