import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BACKDATED_MS,
  caFault,
  caStep,
  maySwap,
  overlapMs,
  renewalTime,
  servingRotation,
  validityOf,
  type CaState,
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
        expect(caFault(facts, now)).toBeNull();
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

describe('a CA', () => {
  it.each([
    ['Missing', 'Missing'],
    ['Unreadable', 'Unreadable'],
    ['MayNotSign', { ...good, maySign: false, keyMatches: false }],
    ['KeyMismatch', { ...good, keyMatches: false }],
    ['Expired', { ...good, expiresAt: NOW }],
    ['NotYetValid', { ...good, validFrom: NOW + 1 }],
  ] as const)('cannot sign because of %s', (reason, state) => {
    expect(caFault(state, NOW)?.reason).toBe(reason);
  });

  it('can sign when it is due to be followed by another', () => {
    expect(caFault({ ...good, ...validityOf(NOW - 700 * HOUR_MS, 720 * HOUR_MS) }, NOW)).toBeNull();
  });
});

describe('the time for which a new CA is only published', () => {
  it.each([
    ['a minute', 15 * 60_000, 60_000],
    ['a twentieth of a long life', 8760 * HOUR_MS, 438 * HOUR_MS],
    ['a twelfth of a short one', 60_000, 5_000],
    ['less than what a due CA has left, at a quarter of it', 12_000, 1_000],
  ])('is %s', (_what, lifetimeMs, expectedMs) => {
    expect(overlapMs(validityOf(NOW - (NOW % 1000), lifetimeMs))).toBe(expectedMs);
  });
});

describe('the leader', () => {
  const yearMs = 8760 * HOUR_MS;
  const caOf = (issuedAt: number, lifetimeMs = yearMs) => ({ ...good, ...validityOf(issuedAt, lifetimeMs) });
  const signing = caOf(NOW);
  const due = renewalTime(signing);
  const step = (state: Partial<CaState>, now: number) =>
    caStep({ signing, next: 'Missing', nextTrustedSince: undefined, provenAt: undefined, ...state }, now);

  it('makes the first CA sign at once', () => {
    expect(step({ signing: 'Missing' }, NOW)).toEqual({ step: 'Create', reason: 'Missing' });
  });

  it.each([
    ['Unreadable', 'Unreadable'],
    ['KeyMismatch', { ...signing, keyMatches: false }],
    ['Expired', caOf(NOW - yearMs)],
    ['NotYetValid', caOf(NOW + yearMs)],
  ] as const)('replaces a CA that cannot sign because of %s, by the next one if there is one', (reason, broken) => {
    expect(step({ signing: broken }, NOW)).toEqual({ step: 'Create', reason });
    expect(step({ signing: broken, next: caOf(NOW) }, NOW)).toEqual({ step: 'Promote', reason });
    expect(step({ signing: broken, next: broken }, NOW)).toEqual({ step: 'Create', reason });
  });

  it('leaves a CA alone until two thirds of its life are over, whatever is beside it', () => {
    expect(step({}, due - 1)).toEqual({ step: 'Keep' });
    expect(step({ next: caOf(NOW), nextTrustedSince: NOW, provenAt: due }, due - 1)).toEqual({ step: 'Keep' });
  });

  it('announces the next one then, also in place of one that cannot sign', () => {
    for (const next of ['Missing', 'Unreadable', caOf(due - yearMs), caOf(due + yearMs)] as const) {
      expect(step({ next }, due)).toEqual({ step: 'Announce', reason: 'Due' });
    }
  });

  it('lets the next one sign when it has been trusted for the whole time and a request has come through since', () => {
    const next = caOf(due);
    const since = due + 1_000;
    const over = since + overlapMs(next);
    expect(step({ next, nextTrustedSince: since, provenAt: since }, over - 1)).toEqual({ step: 'Keep' });
    expect(step({ next, nextTrustedSince: since, provenAt: since }, over)).toEqual({ step: 'Promote', reason: 'Due' });
  });

  it('asks for proof when the last is older than the trust, or there is none', () => {
    const next = caOf(due);
    const over = due + overlapMs(next);
    for (const provenAt of [undefined, due - 1]) {
      expect(step({ next, nextTrustedSince: due, provenAt }, over)).toEqual({ step: 'Prove' });
    }
  });

  it('waits for trust and proof no longer than leaves the old one a twelfth of its life', () => {
    const next = caOf(due);
    const last = signing.expiresAt - (signing.expiresAt - signing.validFrom - BACKDATED_MS) / 12;
    expect(step({ next }, last - 1)).toEqual({ step: 'Keep' });
    expect(step({ next }, last)).toEqual({ step: 'Promote', reason: 'LastMoment' });
    expect(step({ next: caOf(last) }, last)).toEqual({ step: 'Keep' });
  });

  it('never lets one sign, while the old one can, that was not published for its time', () => {
    const times = fc.integer({ min: -yearMs, max: 2 * yearMs });
    const maybe = fc.option(times, { nil: undefined });
    fc.assert(
      fc.property(lifetimes, lifetimes, fc.tuple(times, times), fc.tuple(maybe, maybe), (life, nextLife, at, trust) => {
        const [old, next] = [caOf(NOW, life), caOf(NOW + at[0], nextLife)];
        const [nextTrustedSince, provenAt] = trust.map((time) => time && NOW + time);
        const now = NOW + at[1];
        const { step: taken } = caStep({ signing: old, next, nextTrustedSince, provenAt }, now);
        const announcedAt = Math.min(next.validFrom + BACKDATED_MS, next.expiresAt);
        if (taken === 'Promote' && !caFault(old, now))
          expect(now).toBeGreaterThanOrEqual(announcedAt + overlapMs(next));
        if (caFault(old, now)) expect(['Promote', 'Create']).toContain(taken);
      }),
    );
  });
});

describe('a replica', () => {
  const valid = { validFrom: NOW - HOUR_MS, expiresAt: NOW + HOUR_MS };
  const trusted = { ...valid, isTrusted: true };
  const untrusted = { ...valid, isTrusted: false };

  it.each([
    ['presents what is trusted', trusted, trusted, true],
    ['presents what is trusted, whatever it presented', untrusted, trusted, true],
    ['keeps what is trusted while the new one is not', trusted, untrusted, false],
    ['presents the new one where neither is trusted', untrusted, untrusted, true],
    ['presents the new one when the old one has expired', { ...trusted, expiresAt: NOW }, untrusted, true],
    ['presents the new one while the old one is not valid yet', { ...trusted, validFrom: NOW + 1 }, untrusted, true],
  ])('%s', (_what, inUse, offered, expected) => {
    expect(maySwap(inUse, offered, NOW)).toBe(expected);
  });
});
