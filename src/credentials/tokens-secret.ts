import type { RegistryEntry } from '../config/config.ts';
import { isRecord, parseJson } from '../json.ts';
import { FIELD_MANAGER } from '../kube/field-manager.ts';
import type { Secret } from '../kube/objects.ts';
import type { Reduced } from '../kube/reflector.ts';
import { credentialIdOf } from './credential-id.ts';
import type { StoredCredential } from './refresh-policy.ts';

/** What the tokens Secret holds: the source of truth that every pull Secret is made to agree with. */
export interface TokensState {
  /** Grows with every write; tells which of two contents is newer. */
  readonly generation: number;
  /** By {@link credentialIdOf} of the registry entries that they serve: a key may change hands when somebody edits. */
  readonly credentials: Readonly<Record<string, StoredCredential>>;
  /** The generation of the first write: what was made from older tokens was made from some that are lost. Absent: from none. */
  readonly since?: number;
  /** The data of the last good configuration, verbatim, as far as it says anything. */
  readonly configuration?: Readonly<Record<string, string>>;
}

/** What is known of the tokens Secret as it stands. */
export interface ObservedTokens extends Reduced {
  /** See {@link decodeTokensSecret}. */
  readonly state: TokensState | undefined;
  /** Its schema is one of a later version of this service, to whom it is left: what that means by it cannot be known here. */
  readonly isNewer: boolean;
  /** What a later version with the same schema wrote beside the state; it is written back as it is. */
  readonly beside: {
    readonly data: Readonly<Record<string, string>>;
    readonly fields: Readonly<Record<string, unknown>>;
  };
}

export const TOKENS_SECRET_NAME = 'acr-credential-injector-tokens';
export const emptyTokensState: TokensState = { generation: 0, credentials: {} };

const SCHEMA_VERSION = 2;
const DATA_KEY = 'state.json';
const OWN_FIELDS: readonly string[] = ['schemaVersion', 'generation', 'credentials', 'configuration'];

/** The entry's credential as the entry is now: never one that was asked for as somebody else. */
export function credentialOf({ credentials }: Pick<TokensState, 'credentials'>, entry: RegistryEntry) {
  const id = credentialIdOf(entry);
  return Object.hasOwn(credentials, id) ? credentials[id] : undefined;
}

/** @param observed what is there now: its version becomes the write's precondition. */
export function encodeTokensSecret(
  state: TokensState,
  namespace: string,
  observed?: Pick<ObservedTokens, 'resourceVersion' | 'beside'>,
): Secret {
  const text = JSON.stringify({ ...observed?.beside.fields, schemaVersion: SCHEMA_VERSION, ...state });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: TOKENS_SECRET_NAME,
      namespace,
      resourceVersion: observed?.resourceVersion,
      labels: { 'app.kubernetes.io/managed-by': FIELD_MANAGER },
    },
    type: 'Opaque',
    data: { ...observed?.beside.data, [DATA_KEY]: Buffer.from(text).toString('base64') },
  };
}

export function observeTokens(secret: Secret): ObservedTokens {
  const { [DATA_KEY]: encoded, ...data } = secret.data ?? {};
  const state = recordIn(encoded);
  const others = Object.entries(state).filter(([name]) => !OWN_FIELDS.includes(name));
  return {
    resourceVersion: secret.metadata.resourceVersion ?? '',
    state: decodeTokensSecret(secret),
    isNewer: typeof state.schemaVersion === 'number' && state.schemaVersion > SCHEMA_VERSION,
    beside: { data, fields: Object.fromEntries(others) },
  };
}

/** @returns undefined for a Secret that holds no state of a schema known here: the tokens are asked for anew then. */
export function decodeTokensSecret(secret: Secret): TokensState | undefined {
  const state = recordIn(secret.data?.[DATA_KEY]);
  if (state.schemaVersion !== SCHEMA_VERSION) return undefined;
  const { generation, since, configuration } = state;
  if (!isGeneration(generation)) return undefined;
  const credentials = Object.entries(isRecord(state.credentials) ? state.credentials : {});
  return {
    generation,
    ...(isGeneration(since) && { since }),
    credentials: Object.fromEntries(
      credentials.filter((entry): entry is [string, StoredCredential] => isStored(entry[1])),
    ),
    configuration: isTexts(configuration) ? configuration : undefined,
  };
}

function isStored(value: unknown): value is StoredCredential {
  if (!isRecord(value)) return false;
  const texts = [value.username, value.password, value.source];
  const times = [value.issuedAt, value.expiresAt, value.domainsListedAt];
  return (
    texts.every((text) => typeof text === 'string' && text !== '') &&
    times.every((time) => typeof time === 'number' && !Number.isNaN(new Date(time).getTime())) &&
    Array.isArray(value.domains) &&
    value.domains.every((domain) => typeof domain === 'string')
  );
}

function isGeneration(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value);
}

function isTexts(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((text) => typeof text === 'string');
}

/** Nothing in it for what is no JSON object. */
function recordIn(encoded = ''): Record<string, unknown> {
  const value = parseJson(Buffer.from(encoded, 'base64').toString());
  return isRecord(value) ? value : {};
}
