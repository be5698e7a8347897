import { CLEANUP_IDENTITY, type ObservedLease } from '../leadership/lease.ts';

/** The longest that a Lease is waited for, whatever it says of itself. */
const LASTS_AT_MOST_MS = 60_000;

/** Within this time a replica that lives takes a Lease that has become free. */
const CANDIDATES_TAKE_MS = 4_000;

/** What is known of the Lease. */
export interface LeaseSighting {
  lease: ObservedLease;
  /** The resourceVersion that it had at first. */
  firstVersion: string;
  /** For how long it has been looked at. */
  watchedMs: number;
}

/**
 * `Free` it, as only that shows whether replicas run; `Wait`, as it cannot be told yet; take it from nobody (`TakeAbandoned`) or
 * from one that lives (`TakeContested`).
 */
export type LeaseMove = 'Free' | 'Wait' | 'TakeAbandoned' | 'TakeContested';

/**
 * A Lease tells whether replicas run: the leader renews it, and when it is free, or ends, another takes it. One that stays as it is
 * for longer than it lasts belongs to nobody. One of a clean-up before says nothing, as replicas respect it.
 */
export function leaseMove({ lease, firstVersion, watchedMs }: LeaseSighting): LeaseMove {
  const { holder, durationMs, resourceVersion } = lease;
  if (holder === CLEANUP_IDENTITY) return 'Free';
  if (holder !== '' && resourceVersion !== firstVersion) return 'TakeContested';
  const lastsMs = holder === '' ? 0 : Math.min(durationMs, LASTS_AT_MOST_MS);
  return watchedMs > lastsMs + CANDIDATES_TAKE_MS ? 'TakeAbandoned' : 'Wait';
}
