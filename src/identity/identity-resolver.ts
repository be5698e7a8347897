import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { RegistryEntry } from '../config/config.ts';
import {
  type AccessKeyProvider,
  entryAccessKey,
  referencedAccessKey,
  type SecretReader,
} from './access-key-provider.ts';
import { AssumedRole } from './assumed-role.ts';
import type { CredentialsProvider } from './credentials-provider.ts';
import type { ManagedRole } from './managed-role.ts';
import { RrsaRole } from './rrsa-role.ts';
import type { StsClient } from './sts-client.ts';
import { chooseIdentity, type TokenMode } from './token-mode.ts';

export interface IdentityResolverOptions {
  tokenMode: TokenMode;
  /** What the configuration in force says of `rrsa`. */
  rrsaEnabled: () => boolean;
  accessKey: AccessKeyProvider;
  managedRole: Pick<ManagedRole, 'isThere'> & CredentialsProvider;
  workerRole: CredentialsProvider;
  /** Where `customAccessKeySecretRef` is looked up. */
  secrets: SecretReader;
  /** The file of the ServiceAccount's projected token. */
  rrsaTokenFile: string;
  sts: StsClient;
  clock: Clock;
  /** A session could not be renewed; the one at hand is still alive. */
  onNotRenewed: (source: string, error: unknown, retryInMs: number) => void;
}

/** `expireDuration` where an entry says nothing. */
const DEFAULT_DURATION_SECONDS = 3600;
const SETTLED_WITHIN_MS = 2_000;

interface Identity {
  /** Equal for entries that share it, sessions and all. */
  key: string;
  /** The identity that it is based on. */
  base?: Identity;
  make: () => CredentialsProvider;
}

/** Says with whose credentials a registry entry's token is asked for. Entries of the same identity share its session. */
export class IdentityResolver {
  readonly #options: IdentityResolverOptions;
  readonly #kept = new Map<string, CredentialsProvider>();

  constructor(options: IdentityResolverOptions) {
    this.#options = options;
  }

  /**
   * Resolves when it is known of the Secret that the entry refers to whether it is there, or when that takes too long: at the
   * start, and after an edit, nothing is known of it for a moment.
   */
  async settled({ accessKeySecretRef: name }: RegistryEntry, signal: AbortSignal): Promise<void> {
    const { secrets, clock } = this.#options;
    const deadline = clock.now() + SETTLED_WITHIN_MS;
    while (name !== undefined && !secrets.isSettled(name) && clock.now() < deadline) await clock.sleep(20, signal);
  }

  /** Chosen anew each time, from what there is now. */
  providerFor(entry: RegistryEntry): CredentialsProvider {
    return this.#provider(this.#identityOf(entry));
  }

  /** Drops the sessions of identities that none of these entries has. */
  retain(entries: readonly RegistryEntry[]): void {
    const used = new Set(entries.map((entry) => this.#identityOf(entry)).flatMap((it) => [it.key, it.base?.key]));
    for (const key of this.#kept.keys()) if (!used.has(key)) this.#kept.delete(key);
  }

  #provider({ key, make }: Identity): CredentialsProvider {
    const known = this.#kept.get(key);
    if (known) return known;
    const made = make();
    this.#kept.set(key, made);
    return made;
  }

  #identityOf(entry: RegistryEntry): Identity {
    const base = this.#baseOf(entry);
    if (!entry.assumeRoleArn) return base;
    const { sts, clock, onNotRenewed } = this.#options;
    const role = { roleArn: entry.assumeRoleArn, durationSeconds: durationOf(entry) };
    return {
      key: keyOf('assumed', base.key, role.roleArn, role.durationSeconds),
      base,
      make: () => new AssumedRole({ base: this.#provider(base), role, sts, clock, onNotRenewed }),
    };
  }

  #baseOf(entry: RegistryEntry): Identity {
    const { tokenMode, rrsaEnabled, accessKey, managedRole, workerRole, secrets } = this.#options;
    const kind = chooseIdentity(entry, {
      tokenMode,
      rrsaEnabled: rrsaEnabled(),
      hasAccessKey: accessKey.isThere,
      hasManagedToken: managedRole.isThere,
    });
    const { accessKey: { id, secret } = { id: '', secret: '' }, accessKeySecretRef: name = '' } = entry;
    switch (kind) {
      case 'entryAccessKey':
        return { key: keyOf(kind, id, secret), make: () => entryAccessKey({ id, secret }) };
      case 'referencedAccessKey':
        return { key: keyOf(kind, name), make: () => referencedAccessKey(name, secrets) };
      case 'rrsa':
        return this.#rrsaRole(entry);
      case 'accessKey':
        return { key: kind, make: () => accessKey };
      case 'managedRole':
        return { key: kind, make: () => managedRole };
      case 'workerRole':
        return { key: kind, make: () => workerRole };
    }
  }

  #rrsaRole(entry: RegistryEntry): Identity {
    const { sts, clock, rrsaTokenFile: tokenFile, onNotRenewed } = this.#options;
    const { rrsaRoleArn: roleArn, rrsaOidcProviderArn: oidcProviderArn, assumeRoleArn } = entry;
    // expireDuration is that of the session which asks for the token.
    const durationSeconds = assumeRoleArn ? DEFAULT_DURATION_SECONDS : durationOf(entry);
    const options = { roleArn, oidcProviderArn, durationSeconds, tokenFile, sts, clock, onNotRenewed };
    return { key: keyOf('rrsa', roleArn, oidcProviderArn, durationSeconds), make: () => new RrsaRole(options) };
  }
}

function durationOf({ expireDurationSeconds = DEFAULT_DURATION_SECONDS }: RegistryEntry): number {
  return expireDurationSeconds;
}

/** A digest, as a secret may be among the parts. */
function keyOf(...parts: (string | number | undefined)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
