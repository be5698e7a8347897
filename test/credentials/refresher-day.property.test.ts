import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CredentialRefresher } from '../../src/credentials/credential-refresher.ts';
import type { StoredCredential } from '../../src/credentials/refresh-policy.ts';
import { HOUR_MS } from '../builders/credential.ts';
import { EmulatedFetcher } from '../fakes/emulated-fetcher.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryTokens } from '../fakes/memory-tokens.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const registries = [{ key: 'a', domains: [] }];

/** A service that answers within `answerMs`, for a while. @returns how often it was asked, and what was stored. */
async function run(options: { lifeMs: number; thresholdMs: number; answerMs: number; forMs: number }) {
  const clock = new ManualClock();
  const fetcher = new EmulatedFetcher(clock, options.lifeMs);
  const store = new MemoryTokens();
  const stored: StoredCredential[] = [];
  fetcher.beforeAnswer = () => (options.answerMs > 0 ? clock.sleep(options.answerMs) : Promise.resolve());
  const refresher = new CredentialRefresher({
    fetcher,
    store,
    clock,
    onRenewed: (_key, _reason, credential) => stored.push({ ...credential, issuedAt: clock.now() }),
    onFailure: (_key, error) => expect.unreachable(String(error)),
  });
  const stop = new AbortController();
  refresher.start(stop.signal);
  refresher.configure({ registries, expiringThresholdMs: options.thresholdMs });
  await clock.pass(options.forMs);
  stop.abort();
  return { calls: fetcher.calls.length, stored };
}

it('a day costs at most half as many calls again as it needs, and no token ever runs out', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 5 * MINUTE_MS, max: 48 * HOUR_MS }),
      fc.integer({ min: SECOND_MS, max: 96 * HOUR_MS }),
      fc.integer({ min: 0, max: 10 * SECOND_MS }),
      async (lifeMs, thresholdMs, answerMs) => {
        const forMs = 24 * HOUR_MS;
        const { calls, stored } = await run({ lifeMs, thresholdMs, answerMs, forMs });
        const usableMs = lifeMs - Math.min(thresholdMs, lifeMs / 2);
        expect(calls).toBeLessThanOrEqual(1.5 * Math.ceil(forMs / usableMs) + 1);
        for (const [index, { issuedAt }] of stored.entries()) {
          const previous = stored[index - 1];
          // A threshold shorter than the answer takes cannot do better.
          if (previous && usableMs <= lifeMs - answerMs) expect(issuedAt).toBeLessThanOrEqual(previous.expiresAt);
        }
      },
    ),
    { numRuns: 30 },
  );
});

it('a token that lives for seconds is not asked for in a loop', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 * SECOND_MS }), async (lifeMs) => {
      const { calls } = await run({ lifeMs, thresholdMs: 15 * MINUTE_MS, answerMs: 50, forMs: MINUTE_MS });
      const shortestWaitMs = Math.min(lifeMs, 5 * SECOND_MS) + 50;
      expect(calls).toBeLessThanOrEqual(Math.ceil(MINUTE_MS / shortestWaitMs) + 1);
    }),
    { numRuns: 15 },
  );
});

it('a service that gives the same token until it expires is asked seldom', async () => {
  const clock = new ManualClock();
  const fetcher = new EmulatedFetcher(clock, HOUR_MS);
  const expiresAt = () => (Math.floor(clock.now() / HOUR_MS) + 1) * HOUR_MS;
  fetcher.beforeAnswer = () => {
    fetcher.tokenLifeMs = expiresAt() - clock.now();
    return Promise.resolve();
  };
  const refresher = new CredentialRefresher({
    fetcher,
    store: new MemoryTokens(),
    clock,
    onRenewed: () => undefined,
    onFailure: (_key, error) => expect.unreachable(String(error)),
  });
  refresher.start(new AbortController().signal);
  refresher.configure({ registries, expiringThresholdMs: 15 * MINUTE_MS });
  await clock.pass(24 * HOUR_MS);
  expect(fetcher.calls.length).toBeLessThan(24 * 12);
});
