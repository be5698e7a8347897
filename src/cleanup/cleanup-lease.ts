import { withDeadline, type Clock } from '../clock.ts';
import { KubeApiError } from '../errors.ts';
import type { CallOptions, JsonPatchOperation, KubeClient } from '../kube/kube-client.ts';
import type { Lease } from '../kube/objects.ts';
import { resources } from '../kube/resources.ts';
import {
  CLEANUP_IDENTITY,
  emptyLease,
  holdPatch,
  LEASE_NAME,
  observeLease,
  releasePatch,
  type ObservedLease,
} from '../leadership/lease.ts';
import { ifThere } from '../kube/if-there.ts';
import { leaseMove, type LeaseSighting } from './lease-policy.ts';
import { persist, type Persistence } from './persist.ts';

const LOOK_EVERY_MS = 1_000;

/** A clean-up that was killed keeps a new installation waiting for no longer. */
const HOLD_MS = 60_000;
const RENEW_EVERY_MS = 15_000;
const RENEWAL_TIMEOUT_MS = 5_000;

/** Long enough to end replicas that still run, and not too long for who installs the service anew. */
const KEEP_STILL_MS = 5 * 60_000;

/** For what is to be done when time is over already. */
const LET_GO_WITHIN_MS = 5_000;

/** After this time nothing is on its way any more of what replicas began before the Lease was taken from them. */
const SETTLED_AFTER_MS = 10_000;

export interface CleanupLeaseOptions {
  client: Pick<KubeClient, 'get' | 'apply' | 'jsonPatch' | 'delete'>;
  clock: Clock;
  /** The own namespace. */
  namespace: string;
  onRetry: Persistence['onRetry'];
  /** Told of why it could not be given up. */
  onFailure: (error: unknown) => void;
}

/** Do replicas of the service run? */
export type Liveness = 'Dead' | 'Alive';

/** The Lease of the service, held so that no replica leads: who does not lead makes nothing. */
export class CleanupLease {
  readonly #options: CleanupLeaseOptions;
  readonly #ending = new AbortController();
  #keeping: Promise<void> | undefined;
  #mayBeOurs = false;
  #liveness: Liveness = 'Dead';
  #settledAt = 0;

  constructor(options: CleanupLeaseOptions) {
    this.#options = options;
  }

  get liveness(): Liveness {
    return this.#liveness;
  }

  /** When all has been written that a leader may have begun to write, in milliseconds since the epoch. */
  get settledAt(): number {
    return this.#settledAt;
  }

  /** Resolves when no replica leads any more, and none will until it is let go. Throws a KubeApiError as {@link persist} does. */
  async take(signal: AbortSignal): Promise<void> {
    const { clock, onRetry } = this.#options;
    let first: { version: string; at: number } | undefined;
    for (;;) {
      const lease = await persist(() => this.#getOrCreate({ signal }), { clock, signal, onRetry });
      if (!lease) return;
      const { holder, resourceVersion: version } = lease;
      // A Lease that was given up is watched from then on.
      if (!first || (holder === '' && version !== first.version)) first = { version, at: clock.now() };
      const sighting = { lease, firstVersion: first.version, watchedMs: clock.now() - first.at };
      if (await persist(() => this.#step(sighting, signal), { clock, signal, onRetry })) break;
      await clock.sleep(LOOK_EVERY_MS, signal).catch(() => signal.throwIfAborted());
    }
    this.#keeping = this.#keep();
  }

  /**
   * Gives it up where nobody is left who could take it; else it is held for long enough to end who is. Never throws.
   * @returns whether it is given up.
   */
  async letGo(): Promise<boolean> {
    const { clock, onRetry, onFailure } = this.#options;
    this.#ending.abort();
    await this.#keeping;
    if (!this.#mayBeOurs) return true;
    const { signal, clear } = withDeadline(clock, LET_GO_WITHIN_MS);
    try {
      await persist(() => this.#leave({ signal }), { clock, signal, onRetry });
      return this.#liveness === 'Dead';
    } catch (error) {
      onFailure(error);
      return false;
    } finally {
      clear();
    }
  }

  /** @returns whether it is the clean-up's now; not when somebody wrote it meanwhile. */
  async #step(sighting: LeaseSighting, signal: AbortSignal): Promise<boolean> {
    const { lease } = sighting;
    const move = leaseMove(sighting);
    if (move === 'Wait') return false;
    try {
      if (move === 'Free') {
        await this.#patch(releasePatch(lease), { signal });
        return false;
      }
      await this.#hold(lease, HOLD_MS, { signal });
    } catch (error) {
      if (error instanceof KubeApiError && [404, 409, 422].includes(error.status)) return false;
      throw error;
    }
    if (move === 'TakeContested') this.#contested();
    return true;
  }

  async #keep(): Promise<void> {
    const { clock, onRetry } = this.#options;
    const isDue = () =>
      clock.sleep(RENEW_EVERY_MS, this.#ending.signal).then(
        () => true,
        () => false,
      );
    while (await isDue()) {
      await this.#renew({ timeoutMs: RENEWAL_TIMEOUT_MS }).catch((error: unknown) => onRetry(error, RENEW_EVERY_MS));
    }
  }

  async #renew(bounds: CallOptions): Promise<void> {
    const lease = await this.#getOrCreate(bounds);
    if (!lease) return;
    await this.#hold(lease, HOLD_MS, bounds);
    // It had run out, or was deleted, and a replica was there to take it.
    if (lease.holder !== '' && lease.holder !== CLEANUP_IDENTITY) this.#contested();
  }

  async #leave(bounds: CallOptions): Promise<void> {
    const { client, namespace } = this.#options;
    const lease = await this.#get(bounds);
    // Somebody else's by now is none of ours.
    if (!lease || (lease.holder !== CLEANUP_IDENTITY && lease.holder !== '')) return;
    if (this.#liveness === 'Alive') {
      await this.#hold(lease, KEEP_STILL_MS, bounds);
      return;
    }
    const { resourceVersion } = lease;
    await ifThere(client.delete(resources.leases, { namespace, name: LEASE_NAME }, { resourceVersion }, bounds));
  }

  async #hold(lease: ObservedLease, durationMs: number, bounds: CallOptions): Promise<void> {
    this.#mayBeOurs = true;
    await this.#patch(holdPatch(lease, CLEANUP_IDENTITY, this.#options.clock.now(), durationMs), bounds);
  }

  #contested(): void {
    this.#liveness = 'Alive';
    this.#settledAt = this.#options.clock.now() + SETTLED_AFTER_MS;
  }

  async #patch(operations: JsonPatchOperation[], bounds: CallOptions): Promise<void> {
    const { client, namespace } = this.#options;
    await client.jsonPatch(resources.leases, { namespace, name: LEASE_NAME }, operations, bounds);
  }

  /** @returns undefined where the own namespace is gone, or going: there can be none then. */
  async #getOrCreate(bounds: CallOptions): Promise<ObservedLease | undefined> {
    const { client, namespace } = this.#options;
    const lease = await this.#get(bounds);
    if (lease) return lease;
    this.#mayBeOurs = true;
    try {
      // To apply is what rights by name allow for creating.
      return observeLease(await client.apply<Lease>(resources.leases, emptyLease(namespace), bounds));
    } catch (error) {
      if (error instanceof KubeApiError && (error.code === 'NamespaceTerminating' || error.status === 404)) {
        return undefined;
      }
      throw error;
    }
  }

  async #get(bounds: CallOptions): Promise<ObservedLease | undefined> {
    const { client, namespace } = this.#options;
    const lease = await ifThere(client.get<Lease>(resources.leases, { namespace, name: LEASE_NAME }, bounds));
    return lease && observeLease(lease);
  }
}
