import { hash } from 'node:crypto';
import { maxAccountsPerDomain } from '../config/account-limit.ts';
import { dockerConfigJson, type Auths } from '../credentials/docker-config.ts';
import type { StoredCredential } from '../credentials/refresh-policy.ts';
import { FIELD_MANAGER } from '../kube/field-manager.ts';
import type { Secret } from '../kube/objects.ts';
import { fitAuths } from './fit-auths.ts';
import type { SecretLayer } from './secret-layers.ts';

export const PULL_SECRET_TYPE = 'kubernetes.io/dockerconfigjson';
export const DATA_KEY = '.dockerconfigjson';
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const EXPIRES_AT_ANNOTATION = 'acr-credential-injector/expires-at';
export const CONTENT_HASH_ANNOTATION = 'acr-credential-injector/content-hash';
export const GENERATION_ANNOTATION = 'acr-credential-injector/generation';

/** The API server takes a MiB; what is left is for the names and for tokens that grow. */
const MAX_BYTES = 900 * 1_024;

/** What a pull Secret holds at one moment. */
export interface PullSecretContent {
  /** The value of `.dockerconfigjson`, in base64. */
  readonly data: string;
  /** {@link hashOf} `data`. */
  readonly hash: string;
  /** When the first of the tokens in it expires, in milliseconds since the epoch; Infinity where none is in it. */
  readonly expiresAt: number;
  /** The generation of the tokens Secret that it was made from. */
  readonly generation: number;
  /** The first generation of that tokens Secret. */
  readonly since: number;
  /** There is nothing in it: no reason to make a Secret, but to clear one that is there. */
  readonly isEmpty: boolean;
  /** Tokens belong into it, and none is live. */
  readonly lacksTokens: boolean;
  /** It is not known yet what belongs into it: better than no Secret at all, but not than one that is there. */
  readonly isPartial: boolean;
  /** The keys of others' entries that there is no room for. */
  readonly leftOut: readonly string[];
}

/** The tokens Secret as the entries of a configuration are served from it. */
export interface LiveTokens {
  readonly generation: number;
  readonly since?: number;
  /** By the entry's key in this configuration. */
  readonly credentials: ReadonlyMap<string, StoredCredential>;
}

/** What the content of a pull Secret is made of. */
export interface ContentSources {
  readonly tokens: LiveTokens;
  /** Whose token opens what. */
  readonly layer: SecretLayer;
  readonly email: string | undefined;
  /** Entries that somebody else keeps. */
  readonly others: Auths;
  /** Are those all known? */
  readonly isSettled: boolean;
  /** Are tokens meant to be in it, whether there are any or not? */
  readonly expectsTokens: boolean;
}

/** The names of a namespace's pull Secrets: one for each login that a domain can have. */
export function pullSecretNames(name: string): string[] {
  return Array.from({ length: maxAccountsPerDomain }, (_, index) => (index === 0 ? name : `${name}-${index + 1}`));
}

/** What it is to hold at `now`: the tokens that are live then, and the others' entries. */
export function pullSecretContent(sources: ContentSources, now: number): PullSecretContent {
  return contentOf(sources, (credential) => credential.expiresAt > now);
}

/** The same from every token, expired or not: a Secret that still holds an expired one is no reason to write. */
export function staleContent(sources: ContentSources): PullSecretContent {
  return contentOf(sources, () => true);
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
        ...(Number.isFinite(content.expiresAt) && {
          [EXPIRES_AT_ANNOTATION]: new Date(content.expiresAt).toISOString(),
        }),
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
  return hash('sha256', data).slice(0, 32);
}

function contentOf(
  { tokens, layer, email, others, isSettled, expectsTokens }: ContentSources,
  isWanted: (credential: StoredCredential) => boolean,
): PullSecretContent {
  const logins = [...layer].flatMap(([domain, keys]) => {
    const credential = keys.map((key) => tokens.credentials.get(key)).find((found) => found && isWanted(found));
    return credential ? [{ ...credential, domains: [domain] }] : [];
  });
  const { auths, leftOut } = fitAuths(others, MAX_BYTES - Buffer.byteLength(dockerConfigJson(logins, { email })));
  const data = Buffer.from(dockerConfigJson(logins, { email, others: auths })).toString('base64');
  return {
    data,
    hash: hashOf(data),
    expiresAt: Math.min(...logins.map((credential) => credential.expiresAt)),
    generation: tokens.generation,
    since: tokens.since ?? 0,
    isEmpty: logins.length === 0 && Object.keys(auths).length === 0,
    lacksTokens: expectsTokens && logins.length === 0,
    isPartial: !isSettled,
    leftOut,
  };
}
