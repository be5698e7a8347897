import type { ObservedLease } from './lease.ts';

/** From the sending of one renewal to that of the next, and at most between two looks of those who wait. */
export const RETRY_MS = 2_000;

/** After a renewal that failed, while the term lasts. */
export const RENEW_AGAIN_MS = 500;

/**
 * For how long a renewal lets the holder write, counted from before it was sent. The rest of the Lease's duration is for what is
 * on its way when that time ends, and for clocks that run at different speeds.
 */
export const RENEW_DEADLINE_MS = 7_000;

/** What an election is decided by; the time of one machine alone, as none can be compared with another's. */
export interface ElectionState {
  /** Undefined when there is none. */
  lease: Pick<ObservedLease, 'holder' | 'durationMs'> | undefined;
  /** Who decides. */
  identity: string;
  /** For how long the Lease has been seen as it is. */
  unchangedMs: number;
}

export type ElectionMove = 'Create' | 'Acquire' | 'Renew';

/** What to do about the Lease now, or null to leave it alone. */
export function electionMove({ lease, identity, unchangedMs }: ElectionState): ElectionMove | null {
  if (!lease) return 'Create';
  if (lease.holder === identity) return 'Renew';
  return lease.holder === '' || unchangedMs >= lease.durationMs ? 'Acquire' : null;
}

/** When who does not lead is to look again, in milliseconds; sooner if the Lease changes. */
export function lookAgainInMs({ lease, identity, unchangedMs }: ElectionState): number {
  if (!lease || lease.holder === identity) return RETRY_MS;
  const leftMs = lease.durationMs - unchangedMs;
  return leftMs > 0 ? Math.min(leftMs, RETRY_MS) : RETRY_MS;
}
