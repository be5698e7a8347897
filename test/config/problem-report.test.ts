import { expect, test } from 'vitest';
import { formatProblem, quote } from '../../src/config/problem-report.ts';

test('a problem makes one line with its place, what was found and what to write', () => {
  const problem = { key: 'acr-registry-info', line: 3, column: 5, found: '`cn_x`', fix: '`cn-x`' };
  expect(formatProblem(problem)).toBe('acr-registry-info line 3, column 5: found `cn_x`; write `cn-x`');
});

test.each([
  ['a\nb\u2028c', '`a\\u{a}b\\u{2028}c`'],
  ['a\u00a0b\u200bc', '`a\\u{a0}b\\u{200b}c`'],
  ['地域', '`地域`'],
])('what cannot be seen is written out when a text is quoted', (text, quoted) => {
  expect(quote(text)).toBe(quoted);
});

test('a long text is cut when it is quoted', () => {
  expect(quote('x'.repeat(100_000))).toBe(`\`${'x'.repeat(160)}…\``);
});

test.each([
  ['customAccessKeySecret', '`customAccessKeySecret`'],
  ['customAccessKeySecret: hunter2', '`customAccessKeySecret…`'],
  ['cri-x customAccessKeySecret hunter2', '`cri-x customAccessKeySecret…`'],
  ['{"customAccessKey":"hunter2"}', '`{"customAccessKey…`'],
  ['PASSWORD=hunter2', '`PASSWORD…`'],
])('nothing that follows the name of a secret is quoted', (text, quoted) => {
  expect(quote(text)).toBe(quoted);
});
