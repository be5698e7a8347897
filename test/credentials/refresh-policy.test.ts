import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refreshReason, renewAt } from '../../src/credentials/refresh-policy.ts';
import { credentialWith, HOUR_MS, START } from '../builders/credential.ts';

const MINUTE_MS = 60_000;

describe('the reason to renew a credential', () => {
  const at = (minutes: number, state: { thresholdMs?: number; source?: string } = {}) =>
    refreshReason(
      { credential: credentialWith(), source: 'digest', thresholdMs: 15 * MINUTE_MS, ...state },
      START + minutes * MINUTE_MS,
    );

  it.each([
    ['none while it is fresh', 0, null],
    ['none just before the threshold', 44.99, null],
    ['NearExpiry at the threshold', 45, 'NearExpiry'],
    ['NearExpiry just before it expires', 59.99, 'NearExpiry'],
    ['Expired when it expires', 60, 'Expired'],
    ['Expired long after that', 6000, 'Expired'],
  ])('is %s', (_, minutes, reason) => {
    expect(at(minutes)).toBe(reason);
  });

  it('is that there is none', () => {
    expect(refreshReason({ credential: undefined, source: 'digest', thresholdMs: 0 }, START)).toBe('Missing');
  });

  it('is that it answers another question, however fresh it is', () => {
    expect(at(0, { source: 'other' })).toBe('SourceChanged');
  });

  it('is that it comes from the future: the clock was set back, and nothing is known of its end', () => {
    expect(at(-24 * 60)).toBe('ClockSetBack');
    expect(at(-6)).toBe('ClockSetBack');
  });

  it('is not the clock of another replica that is ahead by a little', () => {
    expect(at(-4)).toBeNull();
  });

  it('is not a threshold longer than its life: half of that has to pass', () => {
    expect(at(29, { thresholdMs: 24 * HOUR_MS })).toBeNull();
    expect(at(30, { thresholdMs: 24 * HOUR_MS })).toBe('NearExpiry');
  });
});

describe('when to renew', () => {
  const lifeMs = fc.integer({ min: 1, max: 24 * HOUR_MS });
  const thresholdMs = fc.integer({ min: 0, max: 96 * HOUR_MS });
  const dueAfter = (life: number, threshold: number) =>
    renewAt({ issuedAt: START, expiresAt: START + life }, threshold) - START;

  it('is before it expires, yet not before half of its life, for any pair of life and threshold', () => {
    fc.assert(
      fc.property(lifeMs, thresholdMs, (life, threshold) => {
        const dueMs = dueAfter(life, threshold);
        expect(dueMs).toBeLessThanOrEqual(Math.max(life, 5_000));
        expect(dueMs).toBeGreaterThanOrEqual(life / 2);
      }),
    );
  });

  it('is the threshold before it expires where that fits', () => {
    fc.assert(
      fc.property(lifeMs, thresholdMs, (life, threshold) => {
        fc.pre(threshold <= life / 2 && life - threshold >= 5_000);
        expect(dueAfter(life, threshold)).toBe(life - threshold);
      }),
    );
  });

  it('is a day at the latest, whatever was promised', () => {
    const endOfTime = 8_640_000_000_000_000;
    for (const life of [25 * HOUR_MS, 1_000 * HOUR_MS, endOfTime - START]) {
      expect(dueAfter(life, HOUR_MS)).toBe(23 * HOUR_MS);
    }
  });

  it('is not within 5 s, however short the life', () => {
    expect(dueAfter(6_000, HOUR_MS)).toBe(5_000);
    expect(dueAfter(60, HOUR_MS)).toBe(5_000);
  });
});
