import { expect, it } from 'vitest';
import { exponentOf } from '../../bench/curve.ts';

it.each([0, 0.5, 1, 2])('finds the exponent %d of a power, whatever it is multiplied with', (exponent) => {
  const points = [1, 5, 100, 3_000].map((size) => [size, 42 * size ** exponent] as const);
  expect(exponentOf(points)).toBeCloseTo(exponent, 10);
});
