import type { Clock } from '../clock.ts';
import { refusesCredentials } from '../openapi/api-failure.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import type { CredentialsProvider } from './credentials-provider.ts';
import { OwnedSession } from './owned-session.ts';
import type { Session } from './session.ts';
import type { RoleSession, StsClient } from './sts-client.ts';

export interface AssumedRoleOptions {
  /** The identity that assumes the role. */
  base: CredentialsProvider;
  role: RoleSession;
  sts: Pick<StsClient, 'assumeRole'>;
  clock: Clock;
  onNotRenewed: (source: string, error: unknown, retryInMs: number) => void;
}

/** What the base's credentials must outlast is the one call that they sign. */
const CALL_MS = 60_000;

/** A RAM role, perhaps of another account, that another identity assumes. */
export class AssumedRole implements CredentialsProvider {
  readonly #options: AssumedRoleOptions;
  #session: OwnedSession;
  #assumedBy: string;

  constructor(options: AssumedRoleOptions) {
    this.#options = options;
    this.#assumedBy = options.base.account;
    this.#session = this.#newSession();
  }

  get source(): string {
    return `role ${this.#options.role.roleArn}, assumed by ${this.#options.base.source}`;
  }

  get account(): string {
    return JSON.stringify([this.#options.role.roleArn, this.#options.base.account]);
  }

  credentials(liveUntil: number, signal: AbortSignal): Promise<CloudCredentials> {
    const { account } = this.#options.base;
    if (account !== this.#assumedBy) {
      // Somebody else is to assume it: neither the session nor the failures of before count.
      this.#assumedBy = account;
      this.#session = this.#newSession();
    }
    return this.#session.session(liveUntil, signal);
  }

  forget(credentials: CloudCredentials): void {
    this.#session.forget(credentials);
  }

  #newSession(): OwnedSession {
    const { clock, onNotRenewed } = this.#options;
    return new OwnedSession({
      open: (signal) => this.#open(signal),
      clock,
      onNotRenewed: (error, retryInMs) => onNotRenewed(this.source, error, retryInMs),
    });
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const { base, role, sts, clock } = this.#options;
    const credentials = await base.credentials(clock.now() + CALL_MS, signal);
    try {
      return await sts.assumeRole(role, credentials, signal);
    } catch (error) {
      if (refusesCredentials(error)) base.forget(credentials);
      throw error;
    }
  }
}
