import { setTimeout as sleep } from 'node:timers/promises';

/** Time as a dependency, waiting included, so that tests decide when an hour has passed. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with an AbortError when `signal` fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Node's timers overflow above 2^31-1 ms and would fire at once.
  sleep: (ms, signal) => sleep(Math.min(Math.max(ms, 0), 0x7fff_ffff), undefined, { signal }),
};

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
  const timer = new AbortController();
  const forward = () => {
    deadline.abort(parent?.reason);
  };
  if (parent?.aborted) forward();
  parent?.addEventListener('abort', forward, { once: true });
  clock.sleep(ms, timer.signal).then(
    () => {
      deadline.abort(new DOMException(`no end within ${ms} ms`, 'TimeoutError'));
    },
    () => undefined,
  );
  const clear = () => {
    timer.abort();
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
