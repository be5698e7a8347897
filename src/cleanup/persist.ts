import { backOffMs } from '../back-off.ts';
import type { Clock } from '../clock.ts';
import { KubeApiError } from '../errors.ts';

export interface Persistence {
  clock: Clock;
  /** Fires when it has taken too long. */
  signal: AbortSignal;
  onRetry: (error: unknown, retryInMs: number) => void;
  /** Default: as many as there is time for. */
  tries?: number;
}

/**
 * Does the work until it succeeds. Throws what it failed with last when that is no matter of time, after so many tries, or when
 * `signal` fires. What the API server asks to wait is waited.
 */
export async function persist<T>(
  work: () => Promise<T>,
  { clock, signal, onRetry, tries = Infinity }: Persistence,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KubeApiError) || !error.retryable || signal.aborted || failures >= tries) throw error;
      const retryInMs = error.retryAfterMs ?? backOffMs(failures, { baseMs: 200, capMs: 10_000 });
      onRetry(error, retryInMs);
      await clock.sleep(retryInMs, signal).catch(() => {
        throw error;
      });
    }
  }
}
