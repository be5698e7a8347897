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

const unsaid = 'a value that may be a secret';

test.each([
  'x'.repeat(254),
  '{"auths":{}}',
  '"hunter2"',
  'PASSWORD=hunter2',
  'kWzT7ZxQ81pLmB4vYc2NdR6sGh0JfA',
  'cm9ib3Q6aHVudGVyMg==',
  'eyJhbGciOiJSUzI1NiIsImtpZCI6Ij.x.y',
])('what looks like a secret, or holds one, is not quoted: %s', (text) => {
  expect(quote(text)).toBe(unsaid);
});

test.each([
  ['https://user:hunter2@example.com/x', '`…@example.com/x`'],
  ['user:hunt@er2@example.com', '`…@example.com`'],
])('a login in front of a host is cut off when %s is quoted', (text, quoted) => {
  expect(quote(text)).toBe(quoted);
});

test.each([
  ['customAccessKeySecret', '`customAccessKeySecret`'],
  ['customAccessKeySecret: hunter2', '`customAccessKeySecret…`'],
  ['cri-x customAccessKeySecret hunter2', '`cri-x customAccessKeySecret…`'],
  ['PASSWORD: hunter2', '`PASSWORD…`'],
])('nothing that follows the name of a secret is quoted', (text, quoted) => {
  expect(quote(text)).toBe(quoted);
});
