import { beforeEach, describe, expect, it } from 'vitest';
import type { RegistryEntry } from '../../src/config/config.ts';
import { CredentialRefresher, type RefreshPlan } from '../../src/credentials/credential-refresher.ts';
import { sessionNeededUntil } from '../../src/credentials/refresh-policy.ts';
import { credentialIdOf } from '../../src/credentials/credential-id.ts';
import { credentialOf } from '../../src/credentials/tokens-secret.ts';
import { CloudApiError, CredentialsError } from '../../src/errors.ts';
import { credentialsOf, credentialWith, HOUR_MS, START } from '../builders/credential.ts';
import { EmulatedFetcher } from '../fakes/emulated-fetcher.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryTokens } from '../fakes/memory-tokens.ts';

const MINUTE_MS = 60_000;

let clock: ManualClock;
let fetcher: EmulatedFetcher;
let store: MemoryTokens;
let stop: AbortController;
let renewed: string[];
let failures: { key: string; retryInMs: number; at: number }[];
let refresher: CredentialRefresher;

beforeEach(() => {
  clock = new ManualClock();
  fetcher = new EmulatedFetcher(clock, HOUR_MS);
  store = new MemoryTokens();
  stop = new AbortController();
  renewed = [];
  failures = [];
  refresher = new CredentialRefresher({
    fetcher,
    store,
    clock,
    random: () => 1,
    onRenewed: (key, reason) => renewed.push(`${key} ${reason}`),
    onFailure: (key, _error, retryInMs) => failures.push({ key, retryInMs, at: clock.now() - START }),
  });
});

const entryOf = (key: string, fields: Partial<RegistryEntry> = {}): RegistryEntry => ({
  key,
  instanceId: key,
  domains: [],
  ...fields,
});

/** The entries that have a credential. */
const stored = (): string[] => {
  const ids = Object.keys(store.current.credentials);
  return ids.map((id) => ['a', 'b', 'c'].find((key) => credentialIdOf(entryOf(key)) === id) ?? id);
};

const planOf = (keys: string[], expiringThresholdMs = 15 * MINUTE_MS): RefreshPlan => ({
  registries: keys.map((key) => entryOf(key)),
  expiringThresholdMs,
});

async function begin(plan: RefreshPlan): Promise<void> {
  refresher.start(stop.signal);
  refresher.configure(plan);
  await clock.pass(0);
}

const failWith = (error: Error) => () => Promise.reject(error);
const unavailable = new CloudApiError('down', { code: 'ServiceUnavailable', retryable: true });

describe('the token of each entry', () => {
  it('is asked for once at the start', async () => {
    await begin(planOf(['a', 'b']));
    expect(fetcher.calls).toEqual(['a', 'b']);
    expect(stored()).toEqual(['a', 'b']);
    expect(renewed).toEqual(['a Missing', 'b Missing']);
  });

  it('is asked for whichever comes first, the start or the configuration', async () => {
    refresher.configure(planOf(['a']));
    await clock.pass(0);
    expect(fetcher.calls).toEqual([]);
    refresher.start(stop.signal);
    await clock.pass(0);
    expect(fetcher.calls).toEqual(['a']);
  });

  it('is renewed at the threshold before it expires, again and again', async () => {
    await begin(planOf(['a']));
    await clock.pass(45 * MINUTE_MS - 1);
    expect(fetcher.calls).toHaveLength(1);
    await clock.pass(1);
    expect(renewed).toEqual(['a Missing', 'a NearExpiry']);
    await clock.pass(45 * MINUTE_MS);
    expect(fetcher.calls).toHaveLength(3);
    expect(credentialOf(store.current, entryOf('a'))).toMatchObject({ expiresAt: clock.now() + HOUR_MS });
  });

  it('is not asked for while the stored one is fresh', async () => {
    await begin(planOf(['a']));
    stop.abort();
    const restarted = new CredentialRefresher({
      fetcher,
      store,
      clock,
      onRenewed: () => undefined,
      onFailure: () => undefined,
    });
    restarted.start(new AbortController().signal);
    restarted.configure(planOf(['a']));
    await clock.pass(44 * MINUTE_MS);
    expect(fetcher.calls).toHaveLength(1);
    await clock.pass(MINUTE_MS);
    expect(fetcher.calls).toHaveLength(2);
  });

  it('is asked for with an identity that lives as long as it is needed', async () => {
    await begin(planOf(['a']));
    expect(fetcher.liveUntil).toEqual([sessionNeededUntil(15 * MINUTE_MS, START)]);
  });

  it('that nothing would outlive is kept, and looked at again within a minute, more often towards its end', async () => {
    await begin(planOf(['a']));
    fetcher.keepsPrevious = true;
    await clock.pass(45 * MINUTE_MS);
    expect(fetcher.calls).toHaveLength(2);
    await clock.pass(10 * MINUTE_MS);
    expect(fetcher.calls.length).toBeGreaterThanOrEqual(11);
    expect(fetcher.calls.length).toBeLessThanOrEqual(13);
    await clock.pass(5 * MINUTE_MS);
    expect(fetcher.calls.length).toBeLessThan(40);
    fetcher.keepsPrevious = false;
    await clock.pass(5_000);
    expect(credentialOf(store.current, entryOf('a'))?.issuedAt).toBeGreaterThan(START);
  });

  it('is never asked for twice at once, however often somebody wants it', async () => {
    fetcher.beforeAnswer = () => clock.sleep(10_000);
    await begin(planOf(['a']));
    for (let second = 0; second < 20; second++) {
      refresher.reconsider();
      refresher.configure(planOf(['a'], (second + 1) * MINUTE_MS));
      await clock.pass(1_000);
    }
    expect(fetcher.doubled).toEqual([]);
    expect(fetcher.calls).toEqual(['a']);
  });

  it('that has expired keeps its domains in memory while its registry fails', async () => {
    store.current = {
      generation: 1,
      credentials: credentialsOf(
        [entryOf('a'), credentialWith({ expiresAt: START - 1 })],
        [entryOf('b'), credentialWith({ source: 'account b' })],
      ),
    };
    fetcher.beforeAnswer = ({ key }) => (key === 'a' ? Promise.reject(unavailable) : Promise.resolve());
    await begin(planOf(['a', 'b']));
    expect(stored()).toEqual(['a', 'b']);
    await clock.pass(45 * MINUTE_MS);
    expect(stored()).toEqual(['a', 'b']);
  });
});

describe('a failing entry', () => {
  it('delays no other', async () => {
    fetcher.beforeAnswer = ({ key }) => (key === 'a' ? clock.sleep(HOUR_MS) : Promise.resolve());
    await begin(planOf(['a', 'b']));
    expect(renewed).toEqual(['b Missing']);
    await clock.pass(50 * MINUTE_MS);
    expect(renewed).toEqual(['b Missing', 'b NearExpiry']);
  });

  it('is tried again after waits that double up to a minute', async () => {
    fetcher.beforeAnswer = failWith(unavailable);
    await begin(planOf(['a']));
    await clock.pass(5 * MINUTE_MS);
    expect(failures.map(({ retryInMs }) => retryInMs / 1000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
  });

  it('waits for what the service asked', async () => {
    const throttled = { code: 'Throttling', retryable: true, retryAfterMs: 50_000 };
    fetcher.beforeAnswer = failWith(new CloudApiError('slower', throttled));
    await begin(planOf(['a']));
    await clock.pass(49_999);
    expect(fetcher.calls).toHaveLength(1);
    await clock.pass(1);
    expect(fetcher.calls).toHaveLength(2);
  });

  it.each([0, -1, Number.NaN])('backs off from a service that asks for a wait of %d ms', async (retryAfterMs) => {
    fetcher.beforeAnswer = failWith(new CloudApiError('slower', { code: 'Throttling', retryable: true, retryAfterMs }));
    await begin(planOf(['a']));
    await clock.pass(HOUR_MS);
    expect(fetcher.calls.length).toBeLessThan(150);
  });

  it('obeys no wish to wait for a day', async () => {
    const wish = { code: 'Throttling', retryable: true, retryAfterMs: 24 * HOUR_MS };
    fetcher.beforeAnswer = failWith(new CloudApiError('slower', wish));
    await begin(planOf(['a']));
    fetcher.beforeAnswer = () => Promise.resolve();
    await clock.pass(MINUTE_MS);
    expect(renewed).toEqual(['a Missing']);
  });

  it('is told to people until it succeeds', async () => {
    fetcher.beforeAnswer = failWith(unavailable);
    await begin(planOf(['a']));
    expect([...refresher.failures.keys()]).toEqual(['a']);
    fetcher.beforeAnswer = () => Promise.resolve();
    await clock.pass(HOUR_MS);
    expect(refresher.failures.size).toBe(0);
  });

  it('keeps the token that it has', async () => {
    await begin(planOf(['a']));
    const before = credentialOf(store.current, entryOf('a'));
    fetcher.beforeAnswer = failWith(unavailable);
    await clock.pass(2 * HOUR_MS);
    expect(credentialOf(store.current, entryOf('a'))).toBe(before);
    fetcher.beforeAnswer = () => Promise.resolve();
    await clock.pass(MINUTE_MS);
    expect(renewed.at(-1)).toBe('a Expired');
  });

  it('begins with small waits again after a success', async () => {
    const outcomes = [unavailable, unavailable, undefined, unavailable];
    fetcher.beforeAnswer = () => {
      const error = outcomes.shift();
      return error ? Promise.reject(error) : Promise.resolve();
    };
    await begin(planOf(['a']));
    await clock.pass(HOUR_MS);
    expect(failures.map(({ retryInMs }) => retryInMs)).toEqual([1_000, 2_000, 1_000]);
  });

  it('without an identity calls nothing', async () => {
    fetcher.beforePrepare = failWith(new CredentialsError('none', { code: 'AccessKeyMissing', retryable: false }));
    await begin(planOf(['a']));
    await clock.pass(MINUTE_MS);
    expect(fetcher.calls).toEqual([]);
    expect(failures.length).toBeGreaterThan(4);
  });

  it('whose token is dead on arrival is not written, nor asked for in a loop', async () => {
    await begin(planOf(['a']));
    const before = credentialOf(store.current, entryOf('a'));
    fetcher.tokenLifeMs = -1_000;
    await clock.pass(2 * HOUR_MS);
    expect(credentialOf(store.current, entryOf('a'))).toBe(before);
    expect(fetcher.calls.length).toBeLessThan(100);
  });
});

describe('an entry is settled', () => {
  const settled = () => ['a', 'b'].filter((key) => refresher.isSettled(key));
  let toldAt: number[];
  beforeEach(() => {
    toldAt = [];
    refresher.onSettled(() => toldAt.push(clock.now() - START));
  });

  it('when it has a token, for good', async () => {
    fetcher.beforeAnswer = ({ key }, signal) => (key === 'a' ? clock.sleep(1_500, signal) : Promise.resolve());
    await begin(planOf(['a', 'b']));
    expect(settled()).toEqual(['b']);
    await clock.pass(1_500);
    expect(settled()).toEqual(['a', 'b']);
    expect(toldAt).toEqual([0, 1_500]);
    fetcher.beforeAnswer = failWith(unavailable);
    await clock.pass(2 * HOUR_MS);
    expect([settled(), toldAt.length]).toEqual([['a', 'b'], 2]);
  });

  it('when it failed three times, as nobody can wait for ever', async () => {
    fetcher.beforeAnswer = ({ key }) => (key === 'a' ? Promise.reject(unavailable) : Promise.resolve());
    await begin(planOf(['a', 'b']));
    await clock.pass(2_999);
    expect([failures.length, settled()]).toEqual([2, ['b']]);
    await clock.pass(1);
    expect([failures.length, settled()]).toEqual([3, ['a', 'b']]);
    await clock.pass(MINUTE_MS);
    expect(toldAt).toEqual([0, 3_000]);
  });

  it('not before it is listed, nor after', async () => {
    await begin(planOf(['a']));
    expect(settled()).toEqual(['a']);
    refresher.configure(planOf(['b']));
    await clock.pass(0);
    expect(settled()).toEqual(['b']);
  });
});

describe('a token that went from the tokens Secret', () => {
  it('is asked for anew at once', async () => {
    await begin(planOf(['a']));
    store.current = { generation: 2, credentials: {} };
    refresher.fillGaps();
    await clock.pass(0);
    expect(renewed).toEqual(['a Missing', 'a Missing']);
  });
});

describe('an edit of the configuration', () => {
  it('touches only the entries that changed', async () => {
    await begin(planOf(['a', 'b']));
    const regionId = 'cn-beijing';
    refresher.configure({ ...planOf([]), registries: [entryOf('a'), entryOf('b', { regionId }), entryOf('c')] });
    await clock.pass(0);
    expect(renewed.slice(2).sort()).toEqual(['b Missing', 'c Missing']);
    expect(fetcher.calls.slice(2).sort()).toEqual(['b', 'c']);
  });

  it('drops the tokens of entries that it no longer lists, and asks for them no more', async () => {
    await begin(planOf(['a', 'b']));
    refresher.configure(planOf(['b']));
    await clock.pass(0);
    expect(stored()).toEqual(['b']);
    await clock.pass(HOUR_MS);
    expect(fetcher.calls).toEqual(['a', 'b', 'b']);
  });

  it('ends a call for an entry that it no longer lists, whose token is not kept', async () => {
    fetcher.beforeAnswer = (_entry, signal) => clock.sleep(10_000, signal);
    await begin(planOf(['a']));
    refresher.configure(planOf(['b']));
    await clock.pass(MINUTE_MS);
    expect(stored()).toEqual(['b']);
    expect(failures).toEqual([]);
  });

  it('that lists an entry again at once asks for it anew', async () => {
    await begin(planOf(['a', 'b']));
    refresher.configure(planOf(['b']));
    refresher.configure(planOf(['a', 'b']));
    await clock.pass(MINUTE_MS);
    expect(stored().sort()).toEqual(['a', 'b']);
  });

  it('that lists an entry again, before the one without it is carried out, keeps its token', async () => {
    await begin(planOf(['a', 'b']));
    store.beforeUpdate = () => clock.sleep(1_000);
    refresher.configure(planOf(['b']));
    refresher.configure(planOf(['a', 'b']));
    await clock.pass(MINUTE_MS);
    expect(stored().sort()).toEqual(['a', 'b']);
    expect(fetcher.calls).toHaveLength(2);
  });

  it('of an entry while its token is on the way asks again with what it says now', async () => {
    fetcher.beforeAnswer = () => clock.sleep(1_000);
    await begin(planOf(['a']));
    refresher.configure({ ...planOf([]), registries: [entryOf('a', { regionId: 'cn-beijing' })] });
    await clock.pass(5_000);
    expect(renewed).toEqual(['a Missing', 'a Missing']);
  });

  it('with a longer threshold renews what is due by it', async () => {
    await begin(planOf(['a']));
    await clock.pass(35 * MINUTE_MS);
    refresher.configure(planOf(['a'], 30 * MINUTE_MS));
    await clock.pass(0);
    expect(renewed).toEqual(['a Missing', 'a NearExpiry']);
  });

  it('before the start is nothing yet', async () => {
    refresher.configure(planOf(['a']));
    refresher.configure(planOf(['b']));
    refresher.start(stop.signal);
    await clock.pass(0);
    expect(fetcher.calls).toEqual(['b']);
  });
});

describe('another identity', () => {
  it('makes every entry look again at once, whatever it was waiting for', async () => {
    fetcher.beforePrepare = failWith(new CredentialsError('none', { code: 'AccessKeyMissing', retryable: false }));
    await begin(planOf(['a', 'b']));
    await clock.pass(10 * MINUTE_MS);
    fetcher.beforePrepare = () => Promise.resolve();
    refresher.reconsider();
    await clock.pass(0);
    expect(fetcher.calls).toEqual(['a', 'b']);
  });

  it('of the same account asks for nothing, of another for everything', async () => {
    await begin(planOf(['a', 'b']));
    refresher.reconsider();
    await clock.pass(0);
    expect(fetcher.calls).toHaveLength(2);
    fetcher.account = 'another';
    refresher.reconsider();
    await clock.pass(0);
    expect(renewed.slice(2)).toEqual(['a SourceChanged', 'b SourceChanged']);
  });
});

describe('a stop', () => {
  it('ends everything, and leaves no timer', async () => {
    fetcher.beforeAnswer = ({ key }, signal) => (key === 'a' ? clock.sleep(10_000, signal) : Promise.resolve());
    await begin(planOf(['a', 'b']));
    stop.abort();
    await clock.pass(2 * HOUR_MS);
    expect(fetcher.calls).toEqual(['a', 'b']);
    expect(failures).toEqual([]);
    expect(clock.sleepers).toBe(0);
  });

  it('is final', async () => {
    refresher.start(stop.signal);
    stop.abort();
    refresher.configure(planOf(['a']));
    refresher.reconsider();
    await clock.pass(MINUTE_MS);
    expect(fetcher.calls).toEqual([]);
  });
});
