/** Which of the replicas does what only one may do. */
export interface Leadership {
  /** Is it this one, at this very moment? To be asked before each write, as a process may have been stopped for any time. */
  readonly leads: boolean;
  /** Who leads as far as is known; empty when nobody does. */
  readonly holder: string;
  /** Until when the clean-up keeps every replica from leading, in milliseconds since the epoch; undefined when it does not. */
  readonly suspendedUntil: number | undefined;
  /** Resolves when it is known who leads. */
  readonly settled: Promise<unknown>;
  /**
   * Stands for election until `signal` fires, and then lets another lead.
   * @param lead called at the begin of each term, with what fires at its end.
   */
  run(signal: AbortSignal, lead: (term: AbortSignal) => void): Promise<void>;
}

/** The leadership of a replica that knows of no other. */
export class SoleLeadership implements Leadership {
  readonly holder: string;
  readonly suspendedUntil = undefined;
  readonly #settled = Promise.withResolvers<undefined>();
  #term: AbortSignal | undefined;

  constructor(identity: string) {
    this.holder = identity;
  }

  get leads(): boolean {
    return this.#term?.aborted === false;
  }

  get settled(): Promise<unknown> {
    return this.#settled.promise;
  }

  run(signal: AbortSignal, lead: (term: AbortSignal) => void): Promise<void> {
    this.#term = signal;
    this.#settled.resolve(undefined);
    if (!signal.aborted) lead(signal);
    return Promise.resolve();
  }
}
