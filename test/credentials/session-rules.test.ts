import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idleMs, livesLonger, renewAt, sessionNeededUntil } from '../../src/credentials/refresh-policy.ts';

const minuteMs = 60_000;
const now = Date.parse('2026-01-01T00:00:00Z');

describe('the session that a token needs', () => {
  test.each([
    [1, 1 + 0.4 * 59],
    [15, 15 + 0.4 * 45],
    [30, 30 + 0.4 * 30],
    [45, 30 + 0.4 * 30],
  ])('with a threshold of %d minutes lives for %d more', (threshold, minutes) => {
    expect(sessionNeededUntil(threshold * minuteMs, now)).toBe(now + minutes * minuteMs);
  });
});

describe('another token', () => {
  const atHand = { issuedAt: now, expiresAt: now + 60 * minuteMs };

  test('lives longer with a pair, which has no end', () => {
    expect(livesLonger({}, atHand, now)).toBe(true);
  });

  test('lives longer with a session of later, and not with the same, be it told to the second or to the millisecond', () => {
    expect(livesLonger({ expiresAt: atHand.expiresAt }, atHand, now)).toBe(false);
    expect(livesLonger({ expiresAt: atHand.expiresAt + 999 }, atHand, now)).toBe(false);
    expect(livesLonger({ expiresAt: atHand.expiresAt + minuteMs }, atHand, now)).toBe(true);
  });

  test('of a short life is told by that', () => {
    const short = { issuedAt: now, expiresAt: now + 20_000 };
    expect(livesLonger({ expiresAt: short.expiresAt + 5_000 }, short, now)).toBe(true);
    expect(livesLonger({ expiresAt: short.expiresAt + 4_999 }, short, now)).toBe(false);
  });

  test('lives longer than one that is over', () => {
    expect(livesLonger({ expiresAt: now + 1 }, { ...atHand, expiresAt: now }, now)).toBe(true);
  });
});

describe('nothing is to be done', () => {
  const credential = { issuedAt: now, expiresAt: now + 60 * minuteMs };

  test('until the credential is due', () => {
    expect(idleMs(credential, 15 * minuteMs, now)).toBe(45 * minuteMs);
  });

  test('for a minute at the most once it is due and could not be renewed, for less towards its end', () => {
    const at = (minutes: number) => idleMs(credential, 15 * minuteMs, now + minutes * minuteMs);
    expect(at(45)).toBe(minuteMs);
    expect(at(58)).toBe(minuteMs / 2);
    expect(at(59.9)).toBe(5000);
    expect(at(90)).toBe(5000);
  });

  test('for no time at all never, whatever the times are', () => {
    const times = fc.record({ issuedAt: fc.integer(), lifeMs: fc.nat(), thresholdMs: fc.nat(), laterMs: fc.integer() });
    fc.assert(
      fc.property(times, ({ issuedAt, lifeMs, thresholdMs, laterMs }) => {
        const any = { issuedAt, expiresAt: issuedAt + lifeMs };
        const idle = idleMs(any, thresholdMs, issuedAt + laterMs);
        expect(idle).toBeGreaterThan(0);
        if (issuedAt + laterMs >= renewAt(any, thresholdMs)) expect(idle).toBeGreaterThanOrEqual(5000);
      }),
    );
  });
});
