import { createHash } from 'node:crypto';
import { CredentialsError } from '../errors.ts';
import type { Secret } from '../kube/objects.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';

/** Codes of the CredentialsErrors of AccessKeys. */
export const accessKeyErrorCodes = {
  /** Nowhere is anything. */
  missing: 'AccessKeyMissing',
  /** One half is there. */
  incomplete: 'AccessKeyIncomplete',
  /** A value cannot be an AccessKey. */
  malformed: 'AccessKeyMalformed',
} as const;

/** A place that holds at least half a pair; each value beside the name that it has there, empty where it is missing. */
export interface AccessKeyPair {
  place: string;
  id: [name: string, value: string];
  secret: [name: string, value: string];
  token: [name: string, value: string];
}

const noToken: [string, string] = ['', ''];

/** @param place such as `Secret kube-system/alibaba-addon-secret`. */
export function pairInSecret(place: string, { data = {} }: Secret): AccessKeyPair {
  const read = (key: string): [string, string] => [
    key,
    Buffer.from(data[key] ?? '', 'base64')
      .toString()
      .trim(),
  ];
  return { place, id: read('access-key-id'), secret: read('access-key-secret'), token: noToken };
}

/** Undefined where the environment has neither half. */
export function pairInEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): AccessKeyPair | undefined {
  const read = (name: string): [string, string] => [name, (environment[name] ?? '').trim()];
  const id = read('ALIBABA_CLOUD_ACCESS_KEY_ID');
  const secret = read('ALIBABA_CLOUD_ACCESS_KEY_SECRET');
  if (id[1] === '' && secret[1] === '') return undefined;
  return { place: 'the environment', id, secret, token: read('ALIBABA_CLOUD_SECURITY_TOKEN') };
}

/** The pair that an entry of `acr-registry-info` holds itself. */
export function pairInEntry({ id, secret }: { id: string; secret: string }): AccessKeyPair {
  return {
    place: 'acr-registry-info',
    id: ['customAccessKey', id.trim()],
    secret: ['customAccessKeySecret', secret.trim()],
    token: noToken,
  };
}

/** @throws CredentialsError that names what is missing or cannot be, never a value. */
export function credentialsOf({ place, id, secret, token }: AccessKeyPair): CloudCredentials {
  const missing = namesWhere([id, secret], (value) => value === '');
  if (missing.length > 0) {
    const message = `no AccessKey pair: ${place} lacks ${missing.join(' and ')}`;
    throw new CredentialsError(message, { code: accessKeyErrorCodes.incomplete, retryable: false });
  }
  // They become part of HTTP headers.
  const malformed = namesWhere([id, secret, token], (value) => !/^[\x21-\x7e]*$/.test(value));
  if (malformed.length > 0) {
    throw new CredentialsError(
      `no AccessKey pair: in ${place}, ${malformed.join(' and ')} must be printable ASCII without spaces`,
      { code: accessKeyErrorCodes.malformed, retryable: false },
    );
  }
  return { accessKeyId: id[1], accessKeySecret: secret[1], ...(token[1] !== '' && { securityToken: token[1] }) };
}

/** Another text for another pair, so that a mended secret counts as well as another ID. */
export function accountOf({ place, id, secret, token }: AccessKeyPair): string {
  // A session's pair changes with every session while the account stays the same.
  if (token[1] !== '') return `session of ${place}`;
  return createHash('sha256')
    .update(JSON.stringify([id[1], secret[1]]))
    .digest('base64url');
}

function namesWhere(values: AccessKeyPair['id'][], condition: (value: string) => boolean): string[] {
  return values.filter(([, value]) => condition(value)).map(([name]) => name);
}
