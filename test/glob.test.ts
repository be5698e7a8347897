import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob } from '../src/glob.ts';

test.each([
  ['a', 'a', true],
  ['a', 'ab', false],
  ['*', 'anything', true],
  ['*', '', true],
  ['test-*', 'test-', true],
  ['test-*', 'test-1', true],
  ['test-*', 'a-test-1', false],
  ['*-tmp', 'a-tmp', true],
  ['*-tmp', 'a-tmp-b', false],
  ['a*b', 'ab', true],
  ['a*a', 'a', false],
  ['ab*ba', 'aba', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['a**b', 'ab', true],
])('the glob %j and the name %j: %s', (glob, name, expected) => {
  expect(matchesGlob(glob, name)).toBe(expected);
});

test('a glob means what a regular expression with `.*` for each star means', () => {
  const glob = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*'), maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 10 });
  fc.assert(
    fc.property(glob, name, (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      expect(matchesGlob(pattern, text)).toBe(expression.test(text));
    }),
    { numRuns: 2_000 },
  );
});

test('places may be of a kind', () => {
  const glob = ['a', '*', /[1-3]/, 'b'];
  expect(matchesGlob(glob, 'ax92b')).toBe(true);
  expect(matchesGlob(glob, 'ax29b')).toBe(false);
});

test('a star stands for a line break, too', () => {
  expect(matchesGlob('a*c', 'a\nc')).toBe(true);
});

test('many stars take no time', () => {
  const startedAt = performance.now();
  for (let run = 0; run < 1_000; run++) matchesGlob(`${'*a'.repeat(31)}b`, 'a'.repeat(63));
  expect(performance.now() - startedAt).toBeLessThan(500);
});
