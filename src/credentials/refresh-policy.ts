import type { RegistryCredential } from './registry-credential.ts';

/**
 * A service that answers with a token as old as the last one would otherwise be asked again and again, each time after half
 * of what is left.
 */
const MIN_INTERVAL_MS = 5_000;

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
  /** A digest of instance, region, domains and account: a credential with another digest answers another question. */
  source: string;
  /** When the instance's endpoints were last listed, in milliseconds since the epoch; 0 when the domains were given. */
  domainsListedAt: number;
}

export type RefreshReason = 'Missing' | 'SourceChanged' | 'Expired' | 'NearExpiry';

type Policy = (state: RefreshState, now: number) => RefreshReason | null;

const policies: Policy[] = [
  ({ credential }) => (credential ? null : 'Missing'),
  ({ credential, source }) => (credential?.source === source ? null : 'SourceChanged'),
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
  const lifeMs = credential.expiresAt - credential.issuedAt;
  const dueAt = credential.expiresAt - Math.min(thresholdMs, lifeMs / 2);
  return Math.max(dueAt, credential.issuedAt + MIN_INTERVAL_MS);
}
