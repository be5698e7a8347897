import type { Clock } from '../clock.ts';
import { CodedError } from '../errors.ts';
import { TURN_MS } from '../in-turns.ts';
import { backOffMs } from '../back-off.ts';

export interface WorkQueueOptions {
  clock: Clock;
  /** How many keys are worked on at once. */
  concurrency: number;
  /** Makes the state that `key` stands for as it should be; throws to be called again later. */
  reconcile: (key: string, signal: AbortSignal) => Promise<void>;
  /** Told of every failure, before the key is tried again. */
  onFailure: (key: string, error: unknown, retryInMs: number) => void;
  random?: () => number;
}

/**
 * Keys waiting to be reconciled. A key stands in the queue once, however often it is added; it is never worked on twice
 * at once; added while it is worked on, it is worked on again afterwards. Failures are retried with full-jitter back-off,
 * or after what the server asked for; until then adding the key changes nothing, or a storm of events would be one of requests.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** What forgets that the key is to be added later. */
  readonly #delayed = new Map<string, () => void>();
  /** Those of the delayed keys that failed. */
  readonly #backingOff = new Set<string>();
  #signal: AbortSignal | undefined;
  #turnBeganAt: number | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /**
   * Takes keys until `signal` fires: nothing new begins then, and what is left is forgotten. Who starts, also once more, adds all
   * there is.
   */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#clear(), { once: true });
  }

  add(key: string): void {
    if (!this.#takes(key)) return;
    this.#cancelDelay(key);
    if (this.#working.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#pump();
  }

  /** Adds the key after a while, unless it is added sooner. */
  addAfter(key: string, delayMs: number): void {
    if (!this.#takes(key)) return;
    this.#cancelDelay(key);
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.#backingOff.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, cancel);
  }

  #takes(key: string): boolean {
    return this.#signal?.aborted === false && !this.#backingOff.has(key);
  }

  #clear(): void {
    for (const cancel of this.#delayed.values()) cancel();
    this.#waiting.clear();
    this.#again.clear();
    this.#failures.clear();
    this.#delayed.clear();
    this.#backingOff.clear();
  }

  #pump(): void {
    const signal = this.#signal;
    if (!signal || signal.aborted) return;
    for (const key of this.#waiting) {
      if (this.#working.size >= this.#options.concurrency || this.#isTurnOver()) return;
      this.#waiting.delete(key);
      this.#working.add(key);
      void this.#work(key, signal);
    }
  }

  /** Thousands of keys that need nothing would otherwise be done in one go. */
  #isTurnOver(): boolean {
    if (this.#turnBeganAt !== undefined) return performance.now() - this.#turnBeganAt > TURN_MS;
    this.#turnBeganAt = performance.now();
    setImmediate(() => {
      this.#turnBeganAt = undefined;
      this.#pump();
    });
    return false;
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.reconcile(key, signal);
      this.#failures.delete(key);
    } catch (error) {
      if (!signal.aborted) this.#retry(key, error);
    }
    this.#working.delete(key);
    if (this.#again.delete(key)) this.add(key);
    this.#pump();
  }

  #retry(key: string, error: unknown): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const { retryAfterMs, retryWithinMs: capMs = 30_000 } = error instanceof CodedError ? error : {};
    const retryInMs = retryAfterMs ?? backOffMs(failures, { baseMs: 50, capMs }, this.#options.random);
    this.#options.onFailure(key, error, retryInMs);
    this.addAfter(key, retryInMs);
    this.#backingOff.add(key);
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.();
    this.#delayed.delete(key);
  }
}
