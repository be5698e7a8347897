import { isRecord, parseJson } from '../json.ts';
import type { RegistryCredential } from './registry-credential.ts';

/** The entries of a dockerconfigjson's `auths`, by their keys. */
export type Auths = Readonly<Record<string, object>>;

export interface DockerConfigExtras {
  /** The `email` of the credentials' entries; absent: they have none. */
  email?: string;
  /** Entries that somebody else keeps, as they are; a credential wins over one of the same key. */
  others?: Auths;
}

/**
 * The content of a `kubernetes.io/dockerconfigjson` Secret: every domain of every credential, each domain by the first
 * credential that has it. The same credentials give the same bytes, whatever the order of their domains.
 * Source: https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/
 */
export function dockerConfigJson(
  credentials: readonly Pick<RegistryCredential, 'username' | 'password' | 'domains'>[],
  { email, others = {} }: DockerConfigExtras = {},
): string {
  const auths = new Map<string, object>();
  for (const { username, password, domains } of credentials) {
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const entry = { username, password, ...(email !== undefined && { email }), auth };
    for (const domain of domains) if (!auths.has(domain)) auths.set(domain, entry);
  }
  for (const [key, entry] of Object.entries(others)) if (!auths.has(key)) auths.set(key, entry);
  const sorted = [...auths].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ auths: Object.fromEntries(sorted) });
}

/** What a dockerconfigjson that somebody else wrote holds. */
export interface ReadDockerConfig {
  auths: Auths;
  /** The keys of the entries that kubelet could not decode: with one of them in it, a Secret is lost as a whole. */
  undecodable: string[];
}

/**
 * The entries of a dockerconfigjson; undefined when the text is none.
 * Follows kubelet's `DockerConfigEntry.UnmarshalJSON`: https://github.com/kubernetes/kubernetes/blob/master/pkg/credentialprovider/config.go
 */
export function readDockerConfigJson(text: string): ReadDockerConfig | undefined {
  const config = parseJson(text);
  if (!isRecord(config) || !isRecord(config.auths)) return undefined;
  const entries = Object.entries(config.auths);
  const decodable = entries.filter((entry): entry is [string, object] => isDecodable(entry[1]));
  const undecodable = entries.filter(([, entry]) => !isDecodable(entry)).map(([key]) => key);
  return { auths: Object.fromEntries(decodable), undecodable };
}

/** Go reads `Auth` as `auth`, and null as nothing. */
function isDecodable(entry: unknown): boolean {
  if (!isRecord(entry)) return false;
  return Object.entries(entry).every(
    ([name, value]) =>
      value === null || (typeof value === 'string' && (name.toLowerCase() !== 'auth' || isLogin(value))),
  );
}

/** Base64, padded or not, of `username:password`; or nothing. */
function isLogin(auth: string): boolean {
  const login = Buffer.from(auth, 'base64');
  const padded = login.toString('base64');
  const isBase64 = auth === padded || auth === padded.replace(/=+$/, '');
  return auth === '' || (isBase64 && login.includes(':'));
}
