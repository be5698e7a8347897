import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';

interface Sleeper {
  wakesAt: number;
  wake(): void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: number;
  #sleepers: Sleeper[] = [];

  constructor(now = Date.parse('2026-01-02T03:04:05Z')) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        reject(new DOMException('aborted', 'AbortError'));
      };
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.#sleepers.push({ wakesAt: this.#now + ms, wake: resolve });
    });
  }

  /** Moves time and wakes whoever has slept long enough. */
  advance(ms: number): void {
    this.#now += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.wakesAt <= this.#now);
    this.#sleepers = this.#sleepers.filter((sleeper) => !due.includes(sleeper));
    for (const sleeper of due) sleeper.wake();
  }

  /** Resolves when somebody sleeps: all that could be done at this time has been done. */
  async settled(): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (this.#sleepers.length === 0) {
      if (Date.now() > deadline) throw new Error('nobody went to sleep within 10 s');
      await setImmediate();
    }
  }
}
