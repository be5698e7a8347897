import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';
import { sleepBy } from './sleep-by.ts';

interface Sleeper {
  wakesAt: number;
  wake(): void;
}

/** So many who wake at one moment are a loop that never waits. */
const MAX_WAKES_AT_ONCE = 10_000;

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(now = Date.parse('2026-01-02T03:04:05Z')) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  /** How many sleep. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  /** Even who sleeps for no time wakes only when the test moves time, by nothing at least. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal);
  }

  after(ms: number, act: () => void): () => void {
    if (Number.isNaN(ms)) throw new Error('somebody wants to sleep for NaN milliseconds');
    const sleeper = {
      wakesAt: this.#now + ms,
      wake: () => {
        this.#sleepers.delete(sleeper);
        act();
      },
    };
    this.#sleepers.add(sleeper);
    return () => void this.#sleepers.delete(sleeper);
  }

  /** Moves time in one leap, and wakes whoever has slept long enough. */
  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of [...this.#sleepers]) if (sleeper.wakesAt <= this.#now) sleeper.wake();
  }

  /**
   * Moves time from one sleeper's end to the next. What each does then is done before the next wakes, as long as it waits for
   * nothing but promises, turns of the event loop and this clock.
   */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await turnsTaken();
    for (let wakes = 0; ;) {
      const next = this.#next();
      if (!next || next.wakesAt > end) break;
      wakes = next.wakesAt > this.#now ? 0 : wakes + 1;
      if (wakes > MAX_WAKES_AT_ONCE) throw new Error('a loop that never waits');
      this.#now = Math.max(this.#now, next.wakesAt);
      next.wake();
      await turnsTaken();
    }
    this.#now = end;
  }

  /** Somebody sets the machine's clock: who sleeps has still as long to sleep. */
  set(now: number): void {
    for (const sleeper of this.#sleepers) sleeper.wakesAt += now - this.#now;
    this.#now = now;
  }

  /** Resolves when somebody sleeps: all that could be done at this time has been done. */
  async settled(): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (this.#sleepers.size === 0) {
      if (Date.now() > deadline) throw new Error('nobody went to sleep within 10 s');
      await setImmediate();
    }
  }

  #next(): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) if (!next || sleeper.wakesAt < next.wakesAt) next = sleeper;
    return next;
  }
}

/** Resolves when nobody waits for the event loop's next turn any more. */
async function turnsTaken(): Promise<void> {
  do await setImmediate();
  while (process.getActiveResourcesInfo().includes('Immediate'));
}
