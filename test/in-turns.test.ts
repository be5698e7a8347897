import { describe, expect, it } from 'vitest';
import { forEachInTurns, TURN_MS } from '../src/in-turns.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

function spend(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('something done with each of many', () => {
  it('is done at once with few', () => {
    const seen: number[] = [];
    void forEachInTurns(numbers(3), (each) => seen.push(each));
    expect(seen).toEqual([0, 1, 2]);
  });

  it('is done in order, and lets everything else have its turn', async () => {
    const seen: (number | string)[] = [];
    setImmediate(() => seen.push('else'));
    await forEachInTurns(numbers(4), (each) => {
      seen.push(each);
      spend(TURN_MS);
    });
    expect(seen).toEqual([0, 'else', 1, 2, 3]);
  });

  it('that throws, ends with the error', async () => {
    const failing = forEachInTurns(numbers(3), () => {
      throw new Error('refused');
    });
    await expect(failing).rejects.toThrow('refused');
  });
});
