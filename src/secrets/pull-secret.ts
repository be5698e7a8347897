import { createHash } from 'node:crypto';
import { dockerConfigJson } from '../credentials/docker-config.ts';
import type { StoredCredential } from '../credentials/refresh-policy.ts';
import { credentialOf, type TokensState } from '../credentials/tokens-secret.ts';
import { FIELD_MANAGER } from '../kube/field-manager.ts';
import type { Secret } from '../kube/objects.ts';

export const PULL_SECRET_TYPE = 'kubernetes.io/dockerconfigjson';
export const DATA_KEY = '.dockerconfigjson';
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const EXPIRES_AT_ANNOTATION = 'acr-credential-injector/expires-at';
export const CONTENT_HASH_ANNOTATION = 'acr-credential-injector/content-hash';
export const GENERATION_ANNOTATION = 'acr-credential-injector/generation';

/** What every pull Secret holds at one moment. */
export interface PullSecretContent {
  /** The value of `.dockerconfigjson`, in base64. */
  readonly data: string;
  /** {@link hashOf} `data`. */
  readonly hash: string;
  /** When the first of the tokens in it expires, in milliseconds since the epoch. */
  readonly expiresAt: number;
  /** The generation of the tokens Secret that it was made from. */
  readonly generation: number;
}

/**
 * @param keys of the registry entries, in the order of the configuration.
 * @returns undefined when there is no live token at `now`: a Secret without one is never written.
 */
export function pullSecretContent(
  state: TokensState,
  keys: readonly string[],
  now: number,
): PullSecretContent | undefined {
  return contentOf(state, keys, (credential) => credential.expiresAt > now);
}

/** The same from every token, expired or not: a Secret that still holds an expired one is no reason to write. */
export function staleContent(state: TokensState, keys: readonly string[]): PullSecretContent | undefined {
  return contentOf(state, keys, () => true);
}

export function pullSecret(ref: { namespace: string; name: string }, content: PullSecretContent): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: ref.name,
      namespace: ref.namespace,
      labels: { [MANAGED_BY_LABEL]: FIELD_MANAGER },
      annotations: {
        [EXPIRES_AT_ANNOTATION]: new Date(content.expiresAt).toISOString(),
        [CONTENT_HASH_ANNOTATION]: content.hash,
        [GENERATION_ANNOTATION]: String(content.generation),
      },
    },
    type: PULL_SECRET_TYPE,
    data: { [DATA_KEY]: content.data },
  };
}

/** The SHA-256 of a Secret's base64 value, cut to 128 bits: it tells contents apart and gives none away. */
export function hashOf(data: string): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 32);
}

function contentOf(
  state: TokensState,
  keys: readonly string[],
  isWanted: (credential: StoredCredential) => boolean,
): PullSecretContent | undefined {
  const credentials = keys.map((key) => credentialOf(state, key)).filter((found) => found !== undefined);
  const wanted = credentials.filter(isWanted);
  if (wanted.length === 0) return undefined;
  const data = Buffer.from(dockerConfigJson(wanted)).toString('base64');
  const expiresAt = Math.min(...wanted.map((credential) => credential.expiresAt));
  return { data, hash: hashOf(data), expiresAt, generation: state.generation };
}
