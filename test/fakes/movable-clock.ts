import type { Clock } from '../../src/clock.ts';

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
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (act: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.#sleepers.delete(sleeper);
        act();
      };
      const abort = () => end(() => reject(new DOMException('aborted', 'AbortError')));
      const sleeper: Sleeper = {
        wakesAt: performance.now() + ms,
        arm: () => {
          clearTimeout(timer);
          const leftMs = Math.min(Math.max(0, sleeper.wakesAt - performance.now()), 0x7fff_ffff);
          timer = setTimeout(() => end(resolve), leftMs);
        },
      };
      if (signal?.aborted) {
        abort();
        return;
      }
      signal?.addEventListener('abort', abort, { once: true });
      this.#sleepers.add(sleeper);
      sleeper.arm();
    });
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
