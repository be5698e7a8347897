import { FIELD_MANAGER, otherManagers } from '../kube/field-manager.ts';
import type { Secret } from '../kube/objects.ts';
import {
  CONTENT_HASH_ANNOTATION,
  DATA_KEY,
  EXPIRES_AT_ANNOTATION,
  GENERATION_ANNOTATION,
  hashOf,
  MANAGED_BY_LABEL,
  PULL_SECRET_TYPE,
  type PullSecretContent,
} from './pull-secret.ts';

/** What is kept in memory of a Secret that has the pull Secret's name: no token. */
export interface ObservedSecret {
  readonly resourceVersion: string;
  readonly uid: string;
  readonly type: string;
  readonly immutable: boolean;
  readonly managed: boolean;
  /** Of what the Secret really holds, whatever its annotation says. */
  readonly hash: string;
  /**
   * When the first token in it expires, in milliseconds since the epoch, or of what somebody else filled, the last; 0 when it is
   * not as this service made it.
   */
  readonly expiresAt: number;
  /** Of the tokens that it was made from; 0 when it is not as this service made it. */
  readonly generation: number;
  /** The field managers that wrote it beside us, the latest first. */
  readonly managers: readonly string[];
}

export function observeSecret(secret: Secret): ObservedSecret {
  const { labels, annotations = {}, resourceVersion = '', uid = '' } = secret.metadata;
  const managed = labels?.[MANAGED_BY_LABEL] === FIELD_MANAGER;
  const hash = hashOf(secret.data?.[DATA_KEY] ?? '');
  return {
    resourceVersion,
    uid,
    type: secret.type ?? 'Opaque',
    immutable: secret.immutable === true,
    managed,
    hash,
    ...(managed ? originOf(annotations, hash) : { expiresAt: lastWritten(secret) + LONGEST_LIFE_MS, generation: 0 }),
    managers: otherManagers(secret.metadata),
  };
}

/** A registry token lives no longer. */
const LONGEST_LIFE_MS = 3_600_000;

/** In milliseconds since the epoch. */
function lastWritten({ metadata: { creationTimestamp, managedFields = [] } }: Secret): number {
  const times = [creationTimestamp, ...managedFields.map(({ time }) => time)];
  return Math.max(...times.map((time) => Date.parse(time ?? '') || 0));
}

/** What the annotations say of the content, as long as they stand beside the content that they were written with. */
function originOf(annotations: Record<string, string>, hash: string): Pick<ObservedSecret, 'expiresAt' | 'generation'> {
  if (annotations[CONTENT_HASH_ANNOTATION] !== hash) return { expiresAt: 0, generation: 0 };
  return {
    expiresAt: Date.parse(annotations[EXPIRES_AT_ANNOTATION] ?? '') || 0,
    generation: Number(annotations[GENERATION_ANNOTATION]) || 0,
  };
}

/** A Secret of our name that we cannot write: somebody else's, for good. */
export type ForeignReason = 'ForeignType' | 'Immutable';

export function foreignReason(secret: ObservedSecret | undefined): ForeignReason | null {
  if (!secret) return null;
  if (secret.type !== PULL_SECRET_TYPE) return 'ForeignType';
  return secret.immutable ? 'Immutable' : null;
}

export type WriteReason = 'Missing' | 'Adopted' | 'Renewed' | 'Drifted';

/** What the question whether to write a pull Secret depends on. */
export interface DriftState {
  observed: ObservedSecret | undefined;
  desired: PullSecretContent;
  /** The hash of {@link staleContent}: the content as it was before a token in it expired. */
  staleHash: string;
  /** Has each registry that is meant for it answered, or was it asked often enough? */
  isAnswered: () => boolean;
  /** Milliseconds since the epoch. */
  now: number;
}

type Policy = (state: DriftState) => WriteReason | 'UpToDate' | null;

/** First hit wins. */
const policies: Policy[] = [
  ({ observed, desired }) => (observed ? null : desired.isEmpty ? 'UpToDate' : 'Missing'),
  (state) => (heldUntil(state) > state.now ? 'UpToDate' : null),
  ({ observed, desired }) => (observed?.managed ? null : desired.isEmpty ? 'UpToDate' : 'Adopted'),
  // A replica that was paused must not put its old tokens over those of the leader after it.
  ({ observed, desired }) => (observed && isNewer(observed, desired) ? 'UpToDate' : null),
  ({ observed, desired }) => (observed?.hash === desired.hash ? 'UpToDate' : null),
  ({ observed, staleHash }) => (observed?.hash === staleHash ? 'UpToDate' : null),
  ({ observed }) => (observed?.generation === 0 ? 'Drifted' : null),
  ({ observed, desired }) => (observed && observed.generation < desired.generation ? 'Renewed' : null),
];

/**
 * Until when the Secret is to stay as it is, as it may hold logins that are good and have no successor; in milliseconds since
 * the epoch, Infinity where that is not a matter of time, 0 where nothing holds it.
 */
export function heldUntil({ observed, desired, isAnswered }: Omit<DriftState, 'staleHash' | 'now'>): number {
  if (!observed) return 0;
  const isUnknown = holdsOtherTokens(observed, desired);
  if (desired.isPartial || (isUnknown && !isAnswered())) return Number.POSITIVE_INFINITY;
  return isUnknown && desired.lacksTokens ? observed.expiresAt : 0;
}

/** Are they not from the tokens that we have: somebody else's, a later leader's, or ours from before the tokens Secret was lost? */
function holdsOtherTokens({ managed, generation }: ObservedSecret, desired: PullSecretContent): boolean {
  return !managed || generation > desired.generation || (generation > 0 && generation < desired.since);
}

/** A later generation that lives shorter is no work of a later leader. */
function isNewer(observed: ObservedSecret, desired: PullSecretContent): boolean {
  return observed.generation > desired.generation && observed.expiresAt >= desired.expiresAt;
}

/** Why the Secret is to be written, or null when it is as it should be. */
export function writeReason(state: DriftState): WriteReason | null {
  for (const policy of policies) {
    const verdict = policy(state);
    if (verdict) return verdict === 'UpToDate' ? null : verdict;
  }
  return 'Drifted';
}
