import type { Clock } from '../../src/clock.ts';

/** {@link Clock.sleep} of a clock that has but `after`. */
export function sleepBy(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(aborted());
      return;
    }
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    const abort = () => {
      cancel();
      reject(aborted());
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function aborted(): DOMException {
  return new DOMException('aborted', 'AbortError');
}
