import type { Clock } from '../clock.ts';
import { CredentialsError } from '../errors.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import type { Session } from './session.ts';

export const sessionExpiredCode = 'SessionExpired';

export interface GivenSessionOptions {
  /** Reads the session where somebody else keeps it current. */
  read: (signal: AbortSignal) => Promise<Session>;
  clock: Clock;
  /** It could not be read; the one read before is still alive and serves on. */
  onNotRenewed: (error: unknown) => void;
}

/** A session that somebody else renews: read anew each time, as it may be replaced at any moment. */
export class GivenSession {
  readonly #options: GivenSessionOptions;
  #last: Session | undefined;

  constructor(options: GivenSessionOptions) {
    this.#options = options;
  }

  /** @throws what `read` throws when the session read last is over, too; CredentialsError for one that is over. */
  async session(signal: AbortSignal): Promise<Session> {
    const { read, clock, onNotRenewed } = this.#options;
    try {
      const session = await read(signal);
      if (session.expiresAt <= clock.now()) throw expired(session);
      this.#last = session;
      return session;
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#last || this.#last.expiresAt <= clock.now()) throw error;
      onNotRenewed(error);
      return this.#last;
    }
  }

  /** The cloud does not accept it: it stands in for nothing any more. */
  forget({ accessKeyId }: CloudCredentials): void {
    if (this.#last?.accessKeyId === accessKeyId) this.#last = undefined;
  }
}

function expired({ expiresAt }: Session): CredentialsError {
  const since = new Date(expiresAt).toISOString();
  const message = `the session that was found there ended at ${since} and has not been replaced; compare this node's clock`;
  return new CredentialsError(message, { code: sessionExpiredCode, retryable: true });
}
