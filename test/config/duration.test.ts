import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';

test.each([
  ['15m', 900_000],
  ['15min', 900_000],
  ['8760h', 31_536_000_000],
  ['720h', 2_592_000_000],
  ['10s', 10_000],
  ['1h30m', 5_400_000],
  ['1h15m30.918s', 4_530_918],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['5.s', 5_000],
  ['250ms', 250],
  ['1500us', 2],
  ['1500µs', 2],
  ['1500μs', 2],
  ['999ns', 0],
  ['0', 0],
  ['-0', 0],
  ['+5s', 5_000],
  ['-90s', -90_000],
  ['30m1h', 5_400_000],
])('%s is read as %d ms', (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs);
});

test.each([
  '',
  '15',
  'm',
  '15 m',
  ' 15m',
  '15M',
  '15mins',
  '1d',
  '.s',
  '1.2.3s',
  '--1s',
  '1e3s',
  '0x1s',
  '9999999h',
  '∞',
])('"%s" is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test('a long run of digits is refused at once', () => {
  expect(parseDuration('1'.repeat(100_000))).toBeUndefined();
});

test.each([
  [0, '0s'],
  [250, '250ms'],
  [1_500, '1.5s'],
  [900_000, '15m'],
  [5_400_000, '1h30m'],
  [31_536_000_000, '8760h'],
  [-90_000, '-1m30s'],
])('%d ms are written as %s', (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test('what is written is read again as the same duration', () => {
  const durationMs = fc.integer({ min: -9_000_000_000_000, max: 9_000_000_000_000 });
  fc.assert(fc.property(durationMs, (ms) => parseDuration(formatDuration(ms)) === ms));
});
