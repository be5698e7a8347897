import { backOffMs } from '../back-off.ts';
import type { Clock } from '../clock.ts';
import { CodedError } from '../errors.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import type { Session } from './session.ts';
import { SingleFlight } from '../single-flight.ts';

export interface OwnedSessionOptions {
  /** Opens a new session. */
  open: (signal: AbortSignal) => Promise<Session>;
  clock: Clock;
  /** No new session could be opened; the one at hand is still alive and serves on. */
  onNotRenewed: (error: unknown, retryInMs: number) => void;
  random?: () => number;
}

/**
 * One session and the right to open the next: when somebody needs it for longer than it lives, one call for all who ask. While
 * that fails, the old one serves until it ends; calls are spaced by a back-off, and never made because a session is short.
 */
export class OwnedSession {
  readonly #options: OwnedSessionOptions;
  readonly #flight = new SingleFlight<Session>();
  #current: { session: Session; openedAt: number } | undefined;
  #failures = 0;
  #lastFailure: { error: unknown; retryAt: number } | undefined;

  constructor(options: OwnedSessionOptions) {
    this.#options = options;
  }

  /**
   * A session that lives until `liveUntil`, or else for as long as a session can.
   * @throws what `open` throws when no session is alive, or the signal's reason.
   */
  async session(liveUntil: number, signal: AbortSignal): Promise<Session> {
    if (this.#current && this.#livesUntil(liveUntil)) return this.#current.session;
    try {
      return await this.#flight.run((flightSignal) => this.#renew(flightSignal), signal);
    } catch (error) {
      signal.throwIfAborted();
      const session = this.#alive;
      if (!session) throw error;
      return session;
    }
  }

  /** The cloud does not accept it: the next one who asks gets another. */
  forget({ accessKeyId }: CloudCredentials): void {
    if (this.#current?.session.accessKeyId === accessKeyId) this.#current = undefined;
  }

  get #alive(): Session | undefined {
    const session = this.#current?.session;
    return session && session.expiresAt > this.#options.clock.now() ? session : undefined;
  }

  #livesUntil(liveUntil: number): boolean {
    if (!this.#current) return false;
    const { session, openedAt } = this.#current;
    const leftMs = session.expiresAt - this.#options.clock.now();
    // Who needs more than half of a session's life gets no more: those who share it would never agree on one.
    return leftMs > 0 && (session.expiresAt >= liveUntil || leftMs > (session.expiresAt - openedAt) / 2);
  }

  async #renew(signal: AbortSignal): Promise<Session> {
    const { open, clock, onNotRenewed, random } = this.#options;
    if (this.#lastFailure && this.#lastFailure.retryAt > clock.now()) throw this.#lastFailure.error;
    try {
      const session = await open(signal);
      this.#current = { session, openedAt: clock.now() };
      this.#lastFailure = undefined;
      this.#failures = 0;
      return session;
    } catch (error) {
      signal.throwIfAborted();
      const askedForMs = error instanceof CodedError ? error.retryAfterMs : undefined;
      const retryInMs = askedForMs ?? backOffMs(++this.#failures, { baseMs: 1_000, capMs: 60_000 }, random);
      this.#lastFailure = { error, retryAt: clock.now() + retryInMs };
      // Else whoever asked tells of it.
      if (this.#alive) onNotRenewed(error, retryInMs);
      throw error;
    }
  }
}
