import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs } from '../src/back-off.ts';

const limits = { baseMs: 1_000, capMs: 60_000 };

describe('the wait after failures in a row', () => {
  it('has a ceiling that doubles up to a cap', () => {
    const ceilings = [1, 2, 3, 6, 7, 8, 1_000, 1e9].map((failures) => backOffMs(failures, limits, () => 1));
    expect(ceilings).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it('is anything from nothing to the ceiling', () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
    fc.assert(
      fc.property(fc.integer({ min: 1 }), random, (failures, chance) => {
        const waitMs = backOffMs(failures, limits, () => chance);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(backOffMs(failures, limits, () => 1));
        expect(Number.isInteger(waitMs)).toBe(true);
      }),
    );
  });

  it('differs from one to the next', () => {
    expect(new Set(Array.from({ length: 50 }, () => backOffMs(7, limits))).size).toBeGreaterThan(10);
  });
});
