import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BACKDATED_MS,
  caRotation,
  renewalTime,
  servingRotation,
  validityOf,
  type ServingFacts,
} from '../../src/certificates/rotation-policy.ts';

const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const HOUR_MS = 3_600_000;

const good: ServingFacts = {
  ...validityOf(NOW, 720 * HOUR_MS),
  maySign: true,
  keyMatches: true,
  signedByCa: true,
  coversNames: true,
};

const instants = fc.integer({ min: Date.parse('2000-01-01'), max: Date.parse('2090-01-01') });
const lifetimes = fc.integer({ min: 5_000, max: 10 * 8760 * HOUR_MS });
const flags = fc.record({
  maySign: fc.boolean(),
  keyMatches: fc.boolean(),
  signedByCa: fc.boolean(),
  coversNames: fc.boolean(),
});

describe('the rotation of a serving certificate', () => {
  it.each([
    ['Missing', 'Missing'],
    ['Unreadable', 'Unreadable'],
    ['KeyMismatch', { ...good, keyMatches: false }],
    ['Expired', { ...good, expiresAt: NOW }],
    ['NotYetValid', { ...good, validFrom: NOW + 1 }],
    ['OtherCa', { ...good, signedByCa: false }],
    ['NamesChanged', { ...good, coversNames: false }],
    ['Due', { ...good, validFrom: NOW - BACKDATED_MS - 2 * HOUR_MS, expiresAt: NOW + HOUR_MS }],
  ] as const)('is asked for because of %s', (reason, state) => {
    expect(servingRotation(state, NOW)?.reason).toBe(reason);
  });

  it('names the gravest of several reasons', () => {
    const state = { ...good, keyMatches: false, expiresAt: 0, coversNames: false };
    expect(servingRotation(state, NOW)?.reason).toBe('KeyMismatch');
  });

  it('does not ask whether the certificate may sign others', () => {
    expect(servingRotation({ ...good, maySign: false }, NOW)).toBeNull();
  });

  it('comes exactly at two thirds of the life after the issue', () => {
    fc.assert(
      fc.property(instants, lifetimes, fc.double({ min: 0, max: 1.2, noNaN: true }), (issuedAt, lifetimeMs, part) => {
        const facts = { ...good, ...validityOf(issuedAt, lifetimeMs) };
        const now = issuedAt + Math.floor(part * lifetimeMs);
        const expected = now >= facts.expiresAt ? 'Expired' : now >= renewalTime(facts) ? 'Due' : undefined;
        expect(servingRotation(facts, now)?.reason).toBe(expected);
      }),
    );
  });

  it('once asked for is asked for ever after', () => {
    fc.assert(
      fc.property(
        instants,
        lifetimes,
        flags,
        fc.tuple(fc.nat(), fc.nat()),
        (issuedAt, lifetimeMs, state, [wait, more]) => {
          const facts = { ...state, ...validityOf(issuedAt, lifetimeMs) };
          const asked = servingRotation(facts, issuedAt + wait) !== null;
          const later = servingRotation(facts, issuedAt + wait + more) !== null;
          expect(!asked || later).toBe(true);
        },
      ),
    );
  });
});

describe('a certificate that was just issued', () => {
  it('is kept, however short its life and however little is left of its signer', () => {
    fc.assert(
      fc.property(instants, lifetimes, lifetimes, (now, lifetimeMs, signerLeftMs) => {
        const facts = { ...good, ...validityOf(now, lifetimeMs, now + signerLeftMs) };
        expect(servingRotation(facts, now)).toBeNull();
        expect(caRotation(facts, now)).toBeNull();
        expect(facts.expiresAt).toBeLessThanOrEqual(now + signerLeftMs);
      }),
    );
  });

  it('is valid for a client whose clock is five minutes slow', () => {
    fc.assert(
      fc.property(instants, lifetimes, (now, lifetimeMs) => {
        expect(validityOf(now, lifetimeMs).validFrom).toBeLessThanOrEqual(now - BACKDATED_MS);
      }),
    );
  });
});

describe('the rotation of the CA', () => {
  it.each([
    ['Missing', 'Missing'],
    ['Unreadable', 'Unreadable'],
    ['MayNotSign', { ...good, maySign: false, keyMatches: false }],
    ['KeyMismatch', { ...good, keyMatches: false }],
    ['Expired', { ...good, expiresAt: NOW }],
    ['NotYetValid', { ...good, validFrom: NOW + 1 }],
    ['Due', { ...good, validFrom: NOW - BACKDATED_MS - 2 * HOUR_MS, expiresAt: NOW + HOUR_MS }],
  ] as const)('is asked for because of %s', (reason, state) => {
    expect(caRotation(state, NOW)?.reason).toBe(reason);
  });
});
