import { setImmediate as nextTurn } from 'node:timers/promises';

/** Nothing else has to wait for longer than about this. */
export const TURN_MS = 2;

/** Does something with each of many, and lets everything else have its turn now and then. Few are done when it returns. */
export async function forEachInTurns<T>(all: Iterable<T>, act: (each: T) => void): Promise<void> {
  let turnBeganAt = performance.now();
  for (const each of all) {
    act(each);
    if (performance.now() - turnBeganAt < TURN_MS) continue;
    await nextTurn();
    turnBeganAt = performance.now();
  }
}
