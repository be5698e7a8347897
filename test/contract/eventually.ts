import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** From the call on. Default: 10 s, for what no time is promised for. */
  withinMs?: number;
  /** Between two looks. Default: 20 ms. */
  everyMs?: number;
}

/** What stands for "not yet" is no answer. */
type Found<T> = Exclude<T, undefined | null | false>;

/**
 * Looks until `look` does not throw, and resolves to what it returned; `undefined` and `false` mean "not yet".
 * @throws what was wrong at the last look, when the time is over.
 */
export async function eventually<T>(look: () => T | Promise<T>, patience: Patience = {}): Promise<Found<T>> {
  const { withinMs = 10_000, everyMs = 20 } = patience;
  const startedAt = performance.now();
  for (;;) {
    const lookedAt = performance.now() - startedAt;
    const seen = await lookOnce(look);
    if (seen.found && lookedAt <= withinMs) return seen.value;
    if (lookedAt > withinMs) throw overdue(seen, withinMs, lookedAt);
    await sleep(Math.min(everyMs, Math.max(withinMs - lookedAt, 1)));
  }
}

type Look<T> = { found: true; value: Found<T> } | { found: false; why: unknown };

async function lookOnce<T>(look: () => T | Promise<T>): Promise<Look<T>> {
  try {
    const value = await look();
    if (value === undefined || value === null || value === false) return { found: false, why: value };
    return { found: true, value: value as Found<T> };
  } catch (why) {
    return { found: false, why };
  }
}

function overdue(seen: Look<unknown>, withinMs: number, afterMs: number): Error {
  const why = seen.found ? 'so only later' : seen.why instanceof Error ? seen.why.message : String(seen.why);
  const message = `not so within ${withinMs} ms (last look after ${Math.round(afterMs)} ms): ${why}`;
  return new Error(message, { cause: seen.found ? undefined : seen.why });
}
