import fc from 'fast-check';
import { expect, it } from 'vitest';
import { answerWithinMs } from '../../src/admission/deadline.ts';

it.each([
  ['10s', 9_000],
  ['30s', 29_000],
  ['1s', 900],
  ['7s', 6_300],
  ['1m', 59_000],
  ['1m30s', 89_000],
  ['500ms', 400],
])('of the %s that a request grants, an answer may take %i ms', (granted, expected) => {
  expect(answerWithinMs({ timeout: granted }, 3)).toBe(expected);
});

it.each([[undefined], ['soon'], ['']])('where a request grants %o, the configured timeout counts', (granted) => {
  expect(answerWithinMs({ timeout: granted }, 5)).toBe(4_500);
});

it('never takes all that is granted, nor less than no time', () => {
  fc.assert(
    fc.property(fc.integer({ min: -10_000, max: 60_000 }), (grantedMs) => {
      const answerMs = answerWithinMs({ timeout: `${grantedMs}ms` }, 10);
      expect(answerMs).toBeGreaterThanOrEqual(0);
      if (grantedMs > 100) expect(answerMs).toBeLessThanOrEqual(grantedMs - 100);
    }),
  );
});

it('what the request took to arrive is gone', () => {
  expect(answerWithinMs({ timeout: '10s', elapsedMs: 2_500 }, 3)).toBe(6_500);
  expect(answerWithinMs({ timeout: '1s', elapsedMs: 2_500 }, 3)).toBe(0);
});
