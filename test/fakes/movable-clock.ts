import type { Clock } from '../../src/clock.ts';
import { sleepBy } from './sleep-by.ts';

interface Sleeper {
  /** On the machine's monotonic clock, in milliseconds. */
  wakesAt: number;
  arm(): void;
}

/** The real time, which a test can let pass at once, or whose wall clock it can set. */
export class MovableClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  #offsetMs = 0;

  now(): number {
    return Date.now() + this.#offsetMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal);
  }

  after(ms: number, act: () => void): () => void {
    let timer: NodeJS.Timeout | undefined;
    const cancel = () => {
      clearTimeout(timer);
      this.#sleepers.delete(sleeper);
    };
    const sleeper: Sleeper = {
      wakesAt: performance.now() + ms,
      arm: () => {
        clearTimeout(timer);
        const leftMs = Math.min(Math.max(0, sleeper.wakesAt - performance.now()), 0x7fff_ffff);
        timer = setTimeout(() => {
          cancel();
          act();
        }, leftMs);
      },
    };
    this.#sleepers.add(sleeper);
    sleeper.arm();
    return cancel;
  }

  /** So much time is over: who would have woken meanwhile wakes now. */
  pass(ms: number): void {
    this.#offsetMs += ms;
    for (const sleeper of this.#sleepers) {
      sleeper.wakesAt -= ms;
      sleeper.arm();
    }
  }

  /** Somebody sets the wall clock; nobody sleeps shorter or longer for it. */
  set(byMs: number): void {
    this.#offsetMs += byMs;
  }
}
