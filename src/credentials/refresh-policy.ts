import type { RegistryCredential } from './registry-credential.ts';

/**
 * A service that answers with a token as old as the last one would otherwise be asked again and again, each time after half
 * of what is left.
 */
const MIN_INTERVAL_MS = 5_000;

/** How long a token lives that is asked for with an AccessKey pair; with a session, no longer than that. */
const FULL_LIFE_MS = 3_600_000;

/** The most that can be asked for (`ExpiresInHours`): an answer that promises more is not to be relied on. */
const LONGEST_LIFE_MS = 24 * FULL_LIFE_MS;

/** Clocks of replicas differ; a credential from further in the future shows that this one was set back. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** A session that ends less than this later than a token is hardly a newer one than the token's. */
const LEAST_GAIN_MS = 60_000;

/** How often somebody else's session is looked at when its end is near. */
const LONGEST_POLL_MS = 60_000;

/** What is known of a registry's credential when the question is whether to renew it. */
export interface RefreshState {
  credential: Pick<StoredCredential, 'issuedAt' | 'expiresAt' | 'source'> | undefined;
  /** What a credential asked for now would stand for; see {@link StoredCredential.source}. */
  source: string;
  /** `expiring-threshold`. */
  thresholdMs: number;
}

/** A credential with what it was asked for, as the tokens Secret keeps it. */
export interface StoredCredential extends RegistryCredential {
  /** A digest of instance, region and account: a credential with another digest answers another question. */
  source: string;
  /** When the domains were last listed, in milliseconds since the epoch; 0 while that was not asked for: they are not known. */
  domainsListedAt: number;
}

/** The domains that the registry service says the credential opens; undefined while it was not asked. */
export function listedDomains(credential: StoredCredential | undefined): readonly string[] | undefined {
  return credential && credential.domainsListedAt > 0 ? credential.domains : undefined;
}

export type RefreshReason = 'Missing' | 'SourceChanged' | 'ClockSetBack' | 'Expired' | 'NearExpiry';

type Policy = (state: RefreshState, now: number) => RefreshReason | null;

const policies: Policy[] = [
  ({ credential }) => (credential ? null : 'Missing'),
  ({ credential, source }) => (credential?.source === source ? null : 'SourceChanged'),
  ({ credential }, now) => (credential && credential.issuedAt > now + CLOCK_TOLERANCE_MS ? 'ClockSetBack' : null),
  ({ credential, thresholdMs }, now) =>
    credential && credential.expiresAt <= now && renewAt(credential, thresholdMs) <= now ? 'Expired' : null,
  ({ credential, thresholdMs }, now) => (credential && renewAt(credential, thresholdMs) <= now ? 'NearExpiry' : null),
];

/** Why the credential is to be renewed now, or null when it is not. */
export function refreshReason(state: RefreshState, now: number): RefreshReason | null {
  for (const policy of policies) {
    const reason = policy(state, now);
    if (reason) return reason;
  }
  return null;
}

/**
 * When to renew a credential: `thresholdMs` before it expires, yet not before half of its life has passed, so that no
 * threshold, however long, makes a loop.
 */
export function renewAt(credential: { issuedAt: number; expiresAt: number }, thresholdMs: number): number {
  const lifeMs = Math.min(credential.expiresAt - credential.issuedAt, LONGEST_LIFE_MS);
  const dueAt = credential.issuedAt + lifeMs - Math.min(thresholdMs, lifeMs / 2);
  return Math.max(dueAt, credential.issuedAt + MIN_INTERVAL_MS);
}

/**
 * Until when a session must live for a token to be asked for with it now, for the token ends with the session: two fifths of the
 * time that a token can serve before it is renewed, and `thresholdMs` after that. More would throw away sessions that are good
 * for another token; less would mean many short-lived tokens towards a session's end.
 */
export function sessionNeededUntil(thresholdMs: number, now: number): number {
  const marginMs = Math.min(thresholdMs, FULL_LIFE_MS / 2);
  return now + marginMs + (FULL_LIFE_MS - marginMs) * 0.4;
}

/** Would a token asked for with these credentials outlive the credential at hand, so that it is worth a call? */
export function livesLonger(
  credentials: { expiresAt?: number },
  atHand: Pick<StoredCredential, 'issuedAt' | 'expiresAt'>,
  now: number,
): boolean {
  if (credentials.expiresAt === undefined || atHand.expiresAt <= now) return true;
  const leastGainMs = Math.min(LEAST_GAIN_MS, (atHand.expiresAt - atHand.issuedAt) / 4);
  return credentials.expiresAt - atHand.expiresAt >= leastGainMs;
}

/** For how long nothing is to be done about a credential, in milliseconds: more than none, whatever its times are. */
export function idleMs(credential: Pick<StoredCredential, 'issuedAt' | 'expiresAt'>, thresholdMs: number, now: number) {
  const untilDueMs = renewAt(credential, thresholdMs) - now;
  if (untilDueMs > 0) return untilDueMs;
  // It is due, and nothing that lives longer was to be had.
  return Math.max(MIN_INTERVAL_MS, Math.min(LONGEST_POLL_MS, (credential.expiresAt - now) / 4));
}
