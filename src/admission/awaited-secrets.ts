import { backOffMs } from '../back-off.ts';
import { withDeadline, type Clock } from '../clock.ts';
import { CodedError, KubeApiError } from '../errors.ts';
import type { EnsureOutcome } from '../secrets/pull-secret-writer.ts';
import { SingleFlight } from '../single-flight.ts';
import { Slots } from './slots.ts';

/** How the wish for a Secret ended, seen from an admission that waits for it. */
export type SecretState = EnsureOutcome | 'NotInTime' | 'Refused';

export interface AwaitedSecretsOptions {
  clock: Clock;
  /** Rejects when the Secret could not be written. */
  ensureSecret: (namespace: string) => Promise<EnsureOutcome>;
}

/** Namespaces written to at once for admission, so that a burst of new ones is no burst on the API server. */
const CONCURRENCY = 32;
/** As many beside them of which only a request tells: whoever reaches the port can make up any number, and holds up nobody else. */
const UNSEEN_CONCURRENCY = 8;
const BACK_OFF = { baseMs: 50, capMs: 1_000 };

/** Namespaces that wait for their turn in one line, and what waits for each. */
class Lane {
  readonly slots: Slots;
  readonly #flights = new Map<string, SingleFlight<SecretState>>();

  constructor(concurrency: number) {
    this.slots = new Slots(concurrency);
  }

  /** See {@link SingleFlight.run}. */
  async run(
    namespace: string,
    start: (signal: AbortSignal) => Promise<SecretState>,
    signal: AbortSignal,
  ): Promise<SecretState> {
    const flight = this.#flights.get(namespace) ?? new SingleFlight<SecretState>();
    this.#flights.set(namespace, flight);
    try {
      return await flight.run(start, signal);
    } finally {
      if (flight.isIdle && this.#flights.get(namespace) === flight) this.#flights.delete(namespace);
    }
  }
}

/** Has missing Secrets written for the requests that wait for them: one try at a time for a namespace, however many wait. */
export class AwaitedSecrets {
  readonly #options: AwaitedSecretsOptions;
  readonly #seen = new Lane(CONCURRENCY);
  readonly #unseen = new Lane(UNSEEN_CONCURRENCY);
  /** Under way, by namespace. Nobody may wait any more, but the API server is at it. */
  readonly #writes = new Map<string, Promise<EnsureOutcome>>();

  constructor(options: AwaitedSecretsOptions) {
    this.#options = options;
  }

  /**
   * Waits for the Secret, with what may succeed tried again, no longer than `budgetMs`.
   * @param isSeen see {@link AdmissionView.isSeen}. @throws what was not foreseen.
   */
  async within(namespace: string, budgetMs: number, isSeen = true): Promise<SecretState> {
    const lane = isSeen ? this.#seen : this.#unseen;
    const deadline = withDeadline(this.#options.clock, budgetMs);
    try {
      return await lane.run(namespace, (signal) => this.#try(namespace, lane, signal), deadline.signal);
    } catch (error) {
      if (deadline.signal.aborted) return 'NotInTime';
      throw error;
    } finally {
      deadline.clear();
    }
  }

  async #try(namespace: string, { slots }: Lane, signal: AbortSignal): Promise<SecretState> {
    for (let failures = 1; ; failures++) {
      try {
        return await (this.#writes.get(namespace) ?? slots.run(() => this.#write(namespace), signal));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof CodedError && error.retryable)) return refusalOf(error);
        await this.#options.clock.sleep(error.retryAfterMs ?? backOffMs(failures, BACK_OFF), signal);
      }
    }
  }

  /** Takes one slot until it ends, however often it is given up and asked for anew. */
  #write(namespace: string): Promise<EnsureOutcome> {
    const running = this.#writes.get(namespace);
    if (running) return running;
    const write = this.#options.ensureSecret(namespace).finally(() => this.#writes.delete(namespace));
    this.#writes.set(namespace, write);
    return write;
  }
}

/** What a later try would end as, too. @throws the error, when it is none of these. */
function refusalOf(error: unknown): SecretState {
  // A quota, or a missing right: the API server words them alike, and no denial would mend either.
  if (error instanceof KubeApiError && error.status === 403) return 'Refused';
  // Its type, or that it is immutable: somebody made a Secret of our name that no watch has brought yet.
  if (error instanceof KubeApiError && error.status === 422) return 'Foreign';
  throw error;
}
