import { backOffMs } from '../back-off.ts';
import type { Clock } from '../clock.ts';
import { KubeApiError } from '../errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { LEASE_NAME } from '../leadership/lease.ts';
import { pullSecretNames } from '../secrets/pull-secret.ts';
import { CleanupLease, type Liveness } from './cleanup-lease.ts';
import { leftovers, nameOf, type Leftover } from './leftovers.ts';
import { persist, type Persistence } from './persist.ts';
import { remove } from './removal.ts';
import { survey } from './survey.ts';

/** At once. */
const CONCURRENCY = 16;
const PAUSE_MS = 1_000;

/** Of one object in one round: no object keeps from removing others. */
const TRIES = 3;

/** Between rounds that the API server refused something in. */
const REFUSED = { baseMs: 1_000, capMs: 15_000 };

export interface CleanupParts {
  client: Pick<KubeClient, 'get' | 'list' | 'apply' | 'jsonPatch' | 'delete'>;
  clock: Clock;
  /** The own namespace. */
  namespace: string;
  /** The only ones to look in beside the own one; undefined: the whole cluster. */
  namespaces?: readonly string[] | undefined;
  /** Of the first pull Secret of each namespace: that of now, and others that it had before. */
  secretNames: readonly string[];
  onRetry: (error: unknown, retryInMs: number) => void;
  onRemoved: (name: string) => void;
  onFailure: (name: string, error: unknown) => void;
}

export interface CleanupReport {
  /** How many, by kind. */
  removed: Readonly<Record<Leftover['kind'], number>>;
  /** What is still there, as `Secret default/acr-credential-secret-aggregation`, and what could not be looked into. */
  left: readonly string[];
  /** Do replicas of the service still run? The Lease that keeps them from making everything again is left then, for five minutes. */
  liveness: Liveness;
  /** False when it was ended before it was seen that nothing is left, or nothing more can be done: `left` is what was last seen. */
  isThrough: boolean;
}

/**
 * Removes all that the service made: the registration, references in ServiceAccounts, Secrets, and in the end its Lease, which is
 * held all the while. It looks again after each round, until there is nothing to be found.
 */
export class Cleanup {
  readonly #parts: CleanupParts;
  readonly #lease: CleanupLease;
  readonly #removed = new Map<string, Leftover['kind']>();
  /** The names of what was found last and is not removed since; undefined before the first look. */
  #left: Set<string> | undefined;
  #unreadable: readonly string[] = [];

  constructor(parts: CleanupParts) {
    this.#parts = parts;
    const { client, clock, namespace, onRetry } = parts;
    const onFailure = (error: unknown) => parts.onFailure(this.#leaseName, error);
    this.#lease = new CleanupLease({ client, clock, namespace, onRetry, onFailure });
  }

  /** @param signal fires when it has to end. @throws KubeApiError when it cannot be told what is there. */
  async run(signal: AbortSignal): Promise<CleanupReport> {
    let isThrough = false;
    let isFree = false;
    try {
      await this.#lease.take(signal);
      isThrough = await this.#removeAll(signal);
    } finally {
      isFree = await this.#lease.letGo();
    }
    const left = [...(this.#left ?? []), ...this.#unreadable.map((name) => `Namespace ${name}`)];
    if (!isFree) left.push(this.#leaseName);
    return { removed: this.#counts(), left, liveness: this.#lease.liveness, isThrough };
  }

  /** Rounds until nothing is found, or nothing more can be done. @returns false when `signal` ended them. */
  async #removeAll(signal: AbortSignal): Promise<boolean> {
    for (let failures = 0; !signal.aborted;) {
      const outcome = await this.#round(signal);
      if (outcome === 'Last') return true;
      failures = outcome === 'Refused' ? failures + 1 : 0;
      const pauseMs = PAUSE_MS + (failures > 0 ? backOffMs(failures, REFUSED) : 0);
      await this.#parts.clock.sleep(pauseMs, signal).catch(() => undefined);
    }
    return false;
  }

  /** A look at what there is, and a try at removing all of it. */
  async #round(signal: AbortSignal): Promise<'Last' | 'Removed' | 'Refused'> {
    const { client, clock, namespace, namespaces, secretNames, onRetry } = this.#parts;
    const isSettled = clock.now() >= this.#lease.settledAt;
    const where = { client, namespace, namespaces, secretNames: secretNames.flatMap(pullSecretNames) };
    const sightings = await survey(where, { clock, signal, onRetry }).catch((error: unknown) => {
      // It is known from before what is there.
      if (signal.aborted && this.#left) return undefined;
      throw error;
    });
    if (!sightings) return 'Refused';
    const found = leftovers(sightings);
    this.#left = new Set(found.map(nameOf));
    this.#unreadable = sightings.unreadable;
    const errors = await this.#removeEach(found, signal);
    const refusedForGood = errors.filter((error) => !isRetryable(error)).length;
    if (isSettled && !sightings.mayBeReadable && refusedForGood === found.length) return 'Last';
    return errors.length > 0 || sightings.mayBeReadable ? 'Refused' : 'Removed';
  }

  /** One kind after the other. @returns why some were not removed. */
  async #removeEach(found: readonly Leftover[], signal: AbortSignal): Promise<unknown[]> {
    const errors: unknown[] = [];
    const { clock, onRetry, onFailure } = this.#parts;
    const persistence = { clock, signal, onRetry, tries: TRIES };
    const removeOne = async (leftover: Leftover) => {
      try {
        await this.#remove(leftover, persistence);
      } catch (error) {
        onFailure(nameOf(leftover), error);
        errors.push(error);
      }
    };
    for (const ofOneKind of Map.groupBy(found, ({ kind }) => kind).values()) {
      const waiting = ofOneKind.values();
      const work = async () => {
        for (const leftover of waiting) if (!signal.aborted) await removeOne(leftover);
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, work));
    }
    return errors;
  }

  async #remove(leftover: Leftover, persistence: Persistence): Promise<void> {
    const { client, onRemoved } = this.#parts;
    const name = nameOf(leftover);
    if (!(await persist(() => remove(client, leftover, persistence.signal), persistence))) return;
    this.#left?.delete(name);
    this.#removed.set(name, leftover.kind);
    onRemoved(name);
  }

  get #leaseName(): string {
    return `Lease ${this.#parts.namespace}/${LEASE_NAME}`;
  }

  #counts(): CleanupReport['removed'] {
    const counts = { MutatingWebhookConfiguration: 0, ServiceAccount: 0, Secret: 0 };
    for (const kind of this.#removed.values()) counts[kind]++;
    return counts;
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof KubeApiError && error.retryable;
}
