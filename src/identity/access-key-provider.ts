import { CredentialsError } from '../errors.ts';
import type { Secret } from '../kube/objects.ts';
import type { CloudCredentials, CredentialsProvider } from './credentials-provider.ts';

export const accessKeySecretName = 'alibaba-addon-secret';

/** Codes of the CredentialsErrors thrown here. */
export const accessKeyErrorCodes = {
  /** Neither a Secret nor the environment holds anything. */
  missing: 'AccessKeyMissing',
  /** One half is there. */
  incomplete: 'AccessKeyIncomplete',
  /** A value cannot be an AccessKey. */
  malformed: 'AccessKeyMalformed',
} as const;

export interface AccessKeyProviderOptions {
  /** Where the Secret `alibaba-addon-secret` may be, the first that has one wins: own namespace, then kube-system. */
  namespaces: readonly string[];
  /** The Secret of that name as it is now, from memory; undefined: there is none. */
  secret: (namespace: string) => Secret | undefined;
  environment: Readonly<Record<string, string | undefined>>;
}

/** A place that holds at least half a pair. */
interface Found {
  place: string;
  /** By the name that each value has there; empty: missing. */
  id: [name: string, value: string];
  secret: [name: string, value: string];
  token: [name: string, value: string];
}

/**
 * An AccessKey pair from the Secret `alibaba-addon-secret`, or else from the environment. Both are read anew for every call, so
 * that an edit counts at once. Where the Secret is there and lacks something, the environment does not stand in for it.
 */
export class AccessKeyProvider implements CredentialsProvider {
  readonly #options: AccessKeyProviderOptions;

  constructor(options: AccessKeyProviderOptions) {
    this.#options = options;
  }

  get source(): string {
    const found = this.#find();
    return found === undefined ? 'AccessKey pair' : `AccessKey pair of ${found.place}`;
  }

  /** Rejects with a CredentialsError that says in one line where it looked and what is missing. */
  credentials(): Promise<CloudCredentials> {
    return new Promise((resolve) => {
      const found = this.#find();
      if (found === undefined) throw this.#missing();
      resolve(credentialsOf(found));
    });
  }

  #find(): Found | undefined {
    for (const namespace of this.#options.namespaces) {
      const secret = this.#options.secret(namespace);
      if (secret !== undefined) return inSecret(namespace, secret);
    }
    return inEnvironment(this.#options.environment);
  }

  #missing(): CredentialsError {
    const places = [...new Set(this.#options.namespaces)].map((namespace) => `${namespace}/${accessKeySecretName}`);
    return new CredentialsError(
      `no AccessKey pair: there is no Secret ${places.join(' or ')}, and the environment has no ` +
        'ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
      { code: accessKeyErrorCodes.missing, retryable: false },
    );
  }
}

function inSecret(namespace: string, { data = {} }: Secret): Found {
  const read = (key: string): [string, string] => [
    key,
    Buffer.from(data[key] ?? '', 'base64')
      .toString()
      .trim(),
  ];
  return {
    place: `Secret ${namespace}/${accessKeySecretName}`,
    id: read('access-key-id'),
    secret: read('access-key-secret'),
    token: ['', ''],
  };
}

function inEnvironment(environment: AccessKeyProviderOptions['environment']): Found | undefined {
  const read = (name: string): [string, string] => [name, (environment[name] ?? '').trim()];
  const id = read('ALIBABA_CLOUD_ACCESS_KEY_ID');
  const secret = read('ALIBABA_CLOUD_ACCESS_KEY_SECRET');
  if (id[1] === '' && secret[1] === '') return undefined;
  return { place: 'the environment', id, secret, token: read('ALIBABA_CLOUD_SECURITY_TOKEN') };
}

function credentialsOf({ place, id, secret, token }: Found): CloudCredentials {
  const missing = [id, secret].filter(([, value]) => value === '').map(([name]) => name);
  if (missing.length > 0) {
    const code = accessKeyErrorCodes.incomplete;
    throw new CredentialsError(`no AccessKey pair: ${place} lacks ${missing.join(' and ')}`, {
      code,
      retryable: false,
    });
  }
  // They become part of HTTP headers.
  const malformed = [id, secret, token].filter(([, value]) => !/^[\x21-\x7e]*$/.test(value)).map(([name]) => name);
  if (malformed.length > 0) {
    throw new CredentialsError(
      `no AccessKey pair: in ${place}, ${malformed.join(' and ')} must be printable ASCII without spaces`,
      { code: accessKeyErrorCodes.malformed, retryable: false },
    );
  }
  return { accessKeyId: id[1], accessKeySecret: secret[1], ...(token[1] !== '' && { securityToken: token[1] }) };
}
