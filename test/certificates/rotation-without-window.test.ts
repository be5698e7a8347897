import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fleet, type FleetOptions } from './fleet.ts';
import { pooledIssuer } from './pooled-issuer.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STEP_MS = 500;
const issuer = pooledIssuer();

async function withFleet(options: Omit<FleetOptions, 'issuer'>, use: (fleet: Fleet) => Promise<void>): Promise<void> {
  const fleet = new Fleet({ ...options, issuer });
  fleet.start();
  try {
    await use(fleet);
  } finally {
    fleet.stop();
  }
}

/** A CA of a minute or more, a certificate of half a minute or less, and everybody slow to see what changed. */
const shortLives = fc.record({
  lags: fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 3 }),
  registrationLagMs: fc.integer({ min: 0, max: 2_000 }),
  replicaLagMs: fc.integer({ min: 0, max: 1_000 }),
  serverLagMs: fc.integer({ min: 0, max: 2_000 }),
  caLifetimeMs: fc.integer({ min: 60_000, max: 90_000 }),
  certificateLifetimeMs: fc.integer({ min: 15_000, max: 30_000 }),
});

type Incident = (fleet: Fleet) => void;

const incidents: Record<string, Incident> = {
  'the Secret is deleted': ({ store }) => store.delete(),
  'the Secret is emptied': ({ store }) => store.put({ metadata: {}, data: {} }),
  'the key is broken': ({ store }) => store.damage({ 'tls.key': 'AAAA' }),
  'the next CA is broken': ({ store }) => store.damage({ 'next.crt': 'AAAA', 'next.key': null }),
  'the bundle is broken': ({ store }) => store.damage({ 'ca.crt': 'AAAA' }),
  'the first replica leads': (fleet) => fleet.lead(0),
  'the next replica leads': (fleet) => fleet.lead(1),
  'the API server is away for a while': ({ store, clock }) => {
    store.failure = new Error('away');
    void clock.sleep(5_000).then(() => (store.failure = undefined));
  },
};

describe('every replica serves, at every moment, what the API server accepts', () => {
  it('through two years of the default lives, however rarely it looks', async () => {
    const lives = { caLifetimeMs: 365 * DAY_MS, certificateLifetimeMs: 30 * DAY_MS };
    const fleet = new Fleet({
      ...lives,
      lags: [0, 0, 0],
      registrationLagMs: 10_000,
      replicaLagMs: 0,
      serverLagMs: 10_000,
      issuer,
    });
    const looks = (step: number, replica: number) => step === 0 || step % (replica + 1) === 0;
    expect(await fleet.stride(2 * 365 * 2, 12 * HOUR_MS, looks)).toEqual([]);
    expect(fleet.signers).toBe(3);
  });

  it('through minutes of short lives', async () => {
    const property = fc.asyncProperty(shortLives, (options) =>
      withFleet(options, async (fleet) => {
        expect(await fleet.pass(150_000, STEP_MS)).toEqual([]);
        expect(fleet.signers).toBeGreaterThanOrEqual(3);
      }),
    );
    await fc.assert(property, { numRuns: 8, endOnFailure: true });
  });

  it('whatever becomes of the Secret, the API server and the leader while that is remembered', async () => {
    const incident = fc.constantFrom(...Object.keys(incidents));
    const chapter = fc.tuple(incident, fc.integer({ min: 0, max: 15_000 }));
    const story = fc.uniqueArray(chapter, { selector: ([what]) => what, minLength: 4 });
    const property = fc.asyncProperty(shortLives, story, (options, chapters) =>
      withFleet(options, async (fleet) => {
        await fleet.pass(5_000, STEP_MS);
        for (const [what, afterMs] of chapters) {
          expect(await fleet.pass(afterMs, STEP_MS)).toEqual([]);
          incidents[what]!(fleet);
        }
        expect(await fleet.pass(90_000, STEP_MS)).toEqual([]);
      }),
    );
    await fc.assert(property, { numRuns: 8, endOnFailure: true });
  });
});

describe('after the clock was set forward', () => {
  it('every replica serves within seconds again what the API server accepts', async () => {
    const property = fc.asyncProperty(shortLives, fc.integer({ min: 1_000, max: HOUR_MS }), (options, leapMs) =>
      withFleet(options, async (fleet) => {
        await fleet.pass(20_000, STEP_MS);
        fleet.clock.advance(leapMs);
        await fleet.pass(10_000, STEP_MS);
        expect(await fleet.pass(60_000, STEP_MS)).toEqual([]);
      }),
    );
    await fc.assert(property, { numRuns: 8, endOnFailure: true });
  });
});
