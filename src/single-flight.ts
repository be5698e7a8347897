interface Flight<T> {
  result: Promise<T>;
  abort: AbortController;
  waiting: number;
}

/** Lets everybody who asks for the same thing at the same time wait for one answer. */
export class SingleFlight<T> {
  #flight: Flight<T> | undefined;

  /** Does nobody wait? */
  get isIdle(): boolean {
    return this.#flight === undefined;
  }

  /**
   * What `start` gives, or what the start under way is going to give. It goes on as long as somebody waits for it.
   * @throws what `start` throws, or the signal's reason.
   */
  async run(start: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const flight = (this.#flight ??= this.#begin(start));
    flight.waiting += 1;
    try {
      return await untilAborted(flight.result, signal);
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0) this.#end(flight);
    }
  }

  #begin(start: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const abort = new AbortController();
    const flight = { result: start(abort.signal), abort, waiting: 0 };
    const end = () => this.#end(flight);
    flight.result.then(end, end);
    return flight;
  }

  /** Ends it where it has not ended by itself; whoever comes now starts anew. */
  #end(flight: Flight<T>): void {
    if (this.#flight === flight) this.#flight = undefined;
    flight.abort.abort();
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
