import { CredentialsError } from '../errors.ts';
import type { Secret } from '../kube/objects.ts';
import type { ObjectRef } from '../kube/resources.ts';
import {
  accessKeyErrorCodes,
  type AccessKeyPair,
  accountOf,
  credentialsOf,
  pairInEntry,
  pairInEnvironment,
  pairInSecret,
} from './access-key-pair.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import type { CredentialsProvider } from './credentials-provider.ts';

const defaultSecretName = 'alibaba-addon-secret';

export interface AccessKeyProviderOptions {
  /** The pair as it is now; undefined: there is none. */
  find: () => AccessKeyPair | undefined;
  /** Why there is none: where was it looked for, and what would help? */
  missing: () => string;
}

/** An AccessKey pair, read anew each time, so that an edit counts at once. */
export class AccessKeyProvider implements CredentialsProvider {
  readonly #options: AccessKeyProviderOptions;

  constructor(options: AccessKeyProviderOptions) {
    this.#options = options;
  }

  /** Is there anything now, be it half a pair? */
  get isThere(): boolean {
    return this.#options.find() !== undefined;
  }

  get source(): string {
    const found = this.#options.find();
    return found === undefined ? 'AccessKey pair' : `AccessKey pair of ${found.place}`;
  }

  get account(): string {
    const found = this.#options.find();
    return found === undefined ? '' : accountOf(found);
  }

  /** Why there is none, in words for the error of another identity, too. */
  get whyMissing(): string {
    return this.#options.missing();
  }

  /** Rejects with a CredentialsError that says in one line where it looked and what is missing. */
  credentials(): Promise<CloudCredentials> {
    return new Promise((resolve) => {
      const found = this.#options.find();
      if (found !== undefined) {
        resolve(credentialsOf(found));
        return;
      }
      const message = `no AccessKey pair: ${this.whyMissing}`;
      throw new CredentialsError(message, { code: accessKeyErrorCodes.missing, retryable: false });
    });
  }

  /** A pair is what it is until somebody edits it. */
  forget(): void {
    return undefined;
  }
}

/**
 * Where the Secret with the AccessKey may be; the first that is there wins.
 * @param named `--access-key-secret`: who names a Secret means that one. Default: `alibaba-addon-secret`, where the official
 * component's users have it.
 */
export function accessKeySecretRefs(ownNamespace: string, named: string | undefined): Required<ObjectRef>[] {
  if (named !== undefined) return [{ namespace: ownNamespace, name: named }];
  return [...new Set([ownNamespace, 'kube-system'])].map((namespace) => ({ namespace, name: defaultSecretName }));
}

/**
 * The pair of the add-on's Secret, or else of the environment. Where the Secret is there and lacks something, the environment
 * does not stand in for it.
 */
export function addOnAccessKey(places: {
  /** `namespace/name`, see {@link accessKeySecretRefs}. */
  secrets: readonly string[];
  /** The Secret as it is now, from memory; undefined: there is none. */
  get: (secret: string) => Secret | undefined;
  environment: Readonly<Record<string, string | undefined>>;
}): AccessKeyProvider {
  const { secrets, get, environment } = places;
  const find = () => {
    for (const name of secrets) {
      const found = get(name);
      if (found !== undefined) return pairInSecret(`Secret ${name}`, found);
    }
    return pairInEnvironment(environment);
  };
  const missing = () =>
    `there is no Secret ${secrets.join(' or ')}, and the environment has no ` +
    'ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET';
  return new AccessKeyProvider({ find, missing });
}

/** The pair that an entry of the configuration holds in plain text. */
export function entryAccessKey(pair: { id: string; secret: string }): AccessKeyProvider {
  return new AccessKeyProvider({ find: () => pairInEntry(pair), missing: () => '' });
}

/** The Secrets of the own namespace that the configuration refers to, from memory. */
export interface SecretReader {
  readonly namespace: string;
  get(name: string): Secret | undefined;
  /** Is it known of the Secret whether it is there? */
  isSettled(name: string): boolean;
}

/** The pair of a Secret that an entry of the configuration refers to. */
export function referencedAccessKey(name: string, secrets: Omit<SecretReader, 'isSettled'>): AccessKeyProvider {
  const place = `Secret ${secrets.namespace}/${name}`;
  const find = () => {
    const found = secrets.get(name);
    return found && pairInSecret(place, found);
  };
  const advice = "create it with access-key-id and access-key-secret, and list it in the chart's referencedSecrets";
  const missing = () => `there is no ${place} that may be read; ${advice}`;
  return new AccessKeyProvider({ find, missing });
}
