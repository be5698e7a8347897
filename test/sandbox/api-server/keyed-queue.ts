import { setTimeout as sleep } from 'node:timers/promises';

const firstRetryMs = 20;
const lastRetryMs = 10_000;

export interface KeyedQueueOptions {
  reconcile: (key: string) => Promise<void>;
  /** Ends all work. */
  signal: AbortSignal;
}

/** Work by key: never twice at a time for one key, once more for what comes in meanwhile, again after a failure. */
export class KeyedQueue {
  readonly #options: KeyedQueueOptions;
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();

  constructor(options: KeyedQueueOptions) {
    this.#options = options;
  }

  add(key: string): void {
    if (this.#running.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#running.add(key);
    setImmediate(() => void this.#work(key));
  }

  async #work(key: string): Promise<void> {
    const { signal, reconcile } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      this.#again.delete(key);
      try {
        await reconcile(key);
        failures = 0;
        if (!this.#again.has(key)) break;
      } catch {
        const backOffMs = Math.min(firstRetryMs * 2 ** failures++, lastRetryMs);
        await sleep(backOffMs, undefined, { signal }).catch(() => undefined);
      }
    }
    this.#running.delete(key);
  }
}
