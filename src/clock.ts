import { setTimeout as sleep } from 'node:timers/promises';

/** Time as a dependency, waiting included, so that tests decide when an hour has passed. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with an AbortError when `signal` fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Calls `act` after `ms` milliseconds, unless what it returns is called before. For what hardly ever gets to its end: to abort a
   * sleep makes two errors with their stacks.
   */
  after(ms: number, act: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(withinTimers(ms), undefined, { signal }),
  after: (ms, act) => {
    const timer = setTimeout(act, withinTimers(ms));
    return () => clearTimeout(timer);
  },
};

/** Node's timers overflow above 2^31-1 ms and would fire at once. */
function withinTimers(ms: number): number {
  return Math.min(Math.max(ms, 0), 0x7fff_ffff);
}

/**
 * A signal that fires after `ms` milliseconds, or with `parent`.
 * Call `clear` when what it bounds has ended.
 */
export function withDeadline(
  clock: Clock,
  ms: number,
  parent?: AbortSignal,
): { signal: AbortSignal; clear: () => void } {
  const deadline = new AbortController();
  const forward = () => {
    deadline.abort(parent?.reason);
  };
  if (parent?.aborted) forward();
  parent?.addEventListener('abort', forward, { once: true });
  const cancel = clock.after(ms, () => deadline.abort(new DOMException(`no end within ${ms} ms`, 'TimeoutError')));
  const clear = () => {
    cancel();
    parent?.removeEventListener('abort', forward);
  };
  return { signal: deadline.signal, clear };
}

/** Resolves when `signal` fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
