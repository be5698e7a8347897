import { FIELD_MANAGER } from '../kube/field-manager.ts';
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
  /** When the first token in it expires, in milliseconds since the epoch; 0 when it is not as this service made it. */
  readonly expiresAt: number;
  /** Of the tokens that it was made from; 0 when it is not as this service made it. */
  readonly generation: number;
}

export function observeSecret(secret: Secret): ObservedSecret {
  const { labels, resourceVersion = '', uid = '' } = secret.metadata;
  const hash = hashOf(secret.data?.[DATA_KEY] ?? '');
  return {
    resourceVersion,
    uid,
    type: secret.type ?? 'Opaque',
    immutable: secret.immutable === true,
    managed: labels?.[MANAGED_BY_LABEL] === FIELD_MANAGER,
    hash,
    ...originOf(secret.metadata.annotations ?? {}, hash),
  };
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
  staleHash: string | undefined;
}

type Policy = (state: DriftState) => WriteReason | 'UpToDate' | null;

/** First hit wins. */
const policies: Policy[] = [
  ({ observed }) => (observed ? null : 'Missing'),
  ({ observed }) => (observed?.managed ? null : 'Adopted'),
  // A replica that was paused must not put its old tokens over those of the leader after it.
  ({ observed, desired }) => (observed && isNewer(observed, desired) ? 'UpToDate' : null),
  ({ observed, desired }) => (observed?.hash === desired.hash ? 'UpToDate' : null),
  ({ observed, staleHash }) => (observed?.hash === staleHash ? 'UpToDate' : null),
  ({ observed }) => (observed?.generation === 0 ? 'Drifted' : null),
  ({ observed, desired }) => (observed && observed.generation < desired.generation ? 'Renewed' : null),
];

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
