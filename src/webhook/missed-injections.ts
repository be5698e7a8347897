import type { Namespace, ServiceAccount } from '../kube/objects.ts';
import { refOf } from '../kube/object-map.ts';
import type { ObjectCache } from '../kube/reflector.ts';
import type { ObjectRef } from '../kube/resources.ts';
import type { SecretReferences } from '../targets/secret-references.ts';
import type { ObservedServiceAccount } from '../targets/service-account-drift.ts';
import {
  selectsNamespace,
  selectsServiceAccount,
  type ObservedNamespace,
  type TargetRules,
} from '../targets/target-selector.ts';

export interface MissedInjectionsOptions {
  /** Undefined while nothing is to be done. */
  rules: () => TargetRules | undefined;
  namespaces: Pick<ObjectCache<Namespace, ObservedNamespace>, 'get'>;
  serviceAccounts: Pick<ObjectCache<ServiceAccount, ObservedServiceAccount>, 'subscribe'>;
  /** Which pull Secrets the ServiceAccounts of a target are to name. */
  references: (namespace: string) => SecretReferences;
  /** See {@link WebhookReconciler.reachedSince}. */
  reachedSince: (namespace: string) => number | undefined;
  /** Reconciliation attaches it all the same. */
  onMissed: (serviceAccount: Required<ObjectRef>) => void;
}

/**
 * An API server learns of a registration a moment after it is written, its clock is not ours, and it writes whole seconds: what was
 * created this long after the webhook began to be reached has passed by it.
 */
const CERTAIN_AFTER_MS = 5_000;

/** Was the ServiceAccount, as it was first seen, created past a webhook that should have attached a reference? */
export function isMissed(
  { references, optedOut, createdAt }: Pick<ObservedServiceAccount, 'references' | 'optedOut' | 'createdAt'>,
  reachedSince: number | undefined,
): boolean {
  if (reachedSince === undefined || optedOut || references.length > 0) return false;
  return createdAt >= reachedSince + CERTAIN_AFTER_MS;
}

/**
 * Watches for ServiceAccounts of targets that came into being without a reference while the webhook was reached: under `Ignore` the
 * API server tells nobody that it could not ask. Pods are not watched, so those among them are not counted.
 */
export class MissedInjections {
  readonly #options: MissedInjectionsOptions;
  #isWatching = false;

  constructor(options: MissedInjectionsOptions) {
    this.#options = options;
    options.serviceAccounts.subscribe((key, current, previous) => {
      // Later somebody may have taken the reference away, or what selects may have been edited.
      if (this.#isWatching && current && !previous) this.#look(key, current);
    });
  }

  /** One replica tells. */
  start(signal: AbortSignal): void {
    this.#isWatching = true;
    signal.addEventListener('abort', () => (this.#isWatching = false), { once: true });
  }

  #look(key: string, account: ObservedServiceAccount): void {
    const { reachedSince, onMissed } = this.#options;
    const ref = refOf(key);
    if (isMissed(account, reachedSince(ref.namespace)) && this.#isWanted(ref)) onMissed(ref);
  }

  #isWanted({ namespace, name }: Required<ObjectRef>): boolean {
    const { rules, namespaces, references } = this.#options;
    const current = rules();
    // A namespace that no watch has brought yet has only just been made: its name decides.
    const observed = namespaces.get({ name: namespace });
    if (!current || observed?.terminating) return false;
    const isTarget = selectsNamespace(current, namespace, observed) && selectsServiceAccount(current, name);
    return isTarget && references(namespace).attach.length > 0;
  }
}
