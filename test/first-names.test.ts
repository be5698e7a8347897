import { expect, it } from 'vitest';
import { firstNames } from '../src/first-names.ts';

it('names all while there is room, and counts the rest', () => {
  expect(firstNames(['a', 'b'], 2)).toBe('a, b');
  expect(firstNames(['a', 'b', 'c', 'd'], 2)).toBe('a, b and 2 more');
  expect(firstNames([], 2)).toBe('');
});
