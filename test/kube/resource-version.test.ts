import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareResourceVersions } from '../../src/kube/resource-version.ts';

describe('the order of resourceVersions', () => {
  it('is that of the numbers that they are, beyond 2^53 too', () => {
    const version = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(version, version, (a, b) => {
        const expected = a < b ? -1 : a > b ? 1 : 0;
        expect(Math.sign(compareResourceVersions(String(a), String(b)))).toBe(expected);
      }),
    );
  });

  it('puts an object without one before all others', () => {
    expect(compareResourceVersions('', '1')).toBeLessThan(0);
  });
});
