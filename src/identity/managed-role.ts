import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { CredentialsError, messageOf } from '../errors.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import type { CredentialsProvider } from './credentials-provider.ts';
import { GivenSession } from './given-session.ts';
import { readManagedToken } from './managed-token.ts';
import type { Session } from './session.ts';

/** Where the Secret `addon.aliyuncsmanagedacrrole.token` is mounted. */
export const managedTokenFile = '/var/addon/token-config';

export const managedTokenMissingCode = 'ManagedTokenMissing';

export interface ManagedRoleOptions {
  /** Default: {@link managedTokenFile}. */
  file?: string;
  clock: Clock;
  onNotRenewed: (source: string, error: unknown) => void;
}

/** The service role of a managed cluster, whose session the cluster writes into a file and renews there. */
export class ManagedRole implements CredentialsProvider {
  readonly source = "the cluster's service role";
  readonly account = 'managedRole';
  readonly file: string;
  readonly #session: GivenSession;

  constructor({ file = managedTokenFile, clock, onNotRenewed }: ManagedRoleOptions) {
    this.file = file;
    this.#session = new GivenSession({
      read: (signal) => this.#read(signal),
      clock,
      onNotRenewed: (error) => onNotRenewed(this.source, error),
    });
  }

  /** Is there such a file now? */
  get isThere(): boolean {
    return existsSync(this.file);
  }

  credentials(_liveUntil: number, signal: AbortSignal): Promise<CloudCredentials> {
    return this.#session.session(signal);
  }

  forget(credentials: CloudCredentials): void {
    this.#session.forget(credentials);
  }

  async #read(signal: AbortSignal): Promise<Session> {
    try {
      return readManagedToken(await readFile(this.file, { encoding: 'utf8', signal }));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CredentialsError) throw this.#about(messageOf(error), error.code);
      const { code = 'no reason given' } = error as { code?: string };
      const advice = 'mount the Secret addon.aliyuncsmanagedacrrole.token there, or choose another --token-mode';
      throw this.#about(`it cannot be read (${code}); ${advice}`, managedTokenMissingCode);
    }
  }

  #about(what: string, code: string): CredentialsError {
    return new CredentialsError(`no credentials in ${this.file}: ${what}`, { code, retryable: true });
  }
}
