import { describe, expect, test } from 'vitest';
import { CloudApiError } from '../../src/errors.ts';
import { AssumedRole } from '../../src/identity/assumed-role.ts';
import type { CredentialsProvider } from '../../src/identity/credentials-provider.ts';
import { WorkerRole } from '../../src/identity/worker-role.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { necessaryCalls } from './necessary-calls.ts';
import { SimulatedCloud } from './simulated-cloud.ts';
import { dayMs, hourMs, minuteMs, simulateDay } from './simulated-day.ts';

// The corners: sessions below, at and above the life of a token, thresholds below, at and above half of a session's. With
// SESSION_DAYS=all, every minute of threshold and many more lengths.
const isWhole = process.env.SESSION_DAYS === 'all';
const thresholds = isWhole ? Array.from({ length: 45 }, (_, index) => index + 1) : [1, 7, 8, 15, 29, 30, 31, 44, 45];
const sessionMinutes = [15, 16, 30, 45, 59, 60, 61, 75, 90, 120, 720];
if (isWhole) sessionMinutes.push(20, 25, 40, 50, 55, 65, 70, 78, 80, 81, 85, 100, 150, 180, 240, 360, 480, 600);

function roleOf(cloud: SimulatedCloud, clock: ManualClock, minutes: number, notRenewed: unknown[] = []) {
  return new AssumedRole({
    base: cloud.accessKey,
    role: { roleArn: 'acs:ram::1:role/puller', durationSeconds: minutes * 60 },
    sts: cloud,
    clock,
    onNotRenewed: (_source, error) => notRenewed.push(error),
  });
}

async function dayOf(threshold: number, session: number, options: { startsMs?: number[]; latencyMs?: number } = {}) {
  const clock = new ManualClock();
  const cloud = new SimulatedCloud(clock, options.latencyMs);
  const role = roleOf(cloud, clock, session);
  const { startsMs = [0] } = options;
  const thresholdMs = threshold * minuteMs;
  const pass = (ms: number) => clock.pass(ms);
  const day = await simulateDay({ clock, acr: cloud, providerFor: () => role, thresholdMs, startsMs, pass });
  const least = necessaryCalls(threshold, session);
  return {
    longestGapMs: day.longestGapMs,
    failures: day.failures,
    entries: day.stored.size,
    tokens: cloud.tokensAt.length / (least.tokens * startsMs.length),
    sessions: cloud.sessionsAt.length / least.sessions,
  };
}

describe('a day with a session of', { timeout: 120_000 }, () => {
  test.each(sessionMinutes)('%d minutes is served by few calls, whatever the threshold', async (session) => {
    for (const threshold of thresholds) {
      const day = await dayOf(threshold, session);
      expect(day, `threshold ${threshold} m`).toMatchObject({ longestGapMs: 0, failures: [], entries: 1 });
      expect(day.tokens, `tokens, threshold ${threshold} m`).toBeLessThan(1.5);
      expect(day.sessions, `sessions, threshold ${threshold} m`).toBeLessThan(1.5);
    }
  });

  test.each(isWhole ? [15, 25, 40, 59, 60, 65, 80, 90, 120, 720] : [15, 60, 65])(
    '%d minutes that entries share, begun at different times, is still one session at a time',
    async (session) => {
      for (const threshold of isWhole ? [1, 5, 15, 20, 30, 45] : [1, 15, 45]) {
        const startsMs = [0, 17, 11, 7.5].map((minutes) => minutes * minuteMs);
        const day = await dayOf(threshold, session, { startsMs, latencyMs: 900 });
        expect(day, `threshold ${threshold} m`).toMatchObject({ longestGapMs: 0, failures: [], entries: 4 });
        expect(day.tokens, `tokens, threshold ${threshold} m`).toBeLessThan(1.5);
        expect(day.sessions, `sessions, threshold ${threshold} m`).toBeLessThan(1.5);
      }
    },
  );
});

describe('when the Security Token Service is away', () => {
  const outage = new CloudApiError('away', { code: 'ServiceUnavailable', retryable: true });

  /** Hours that end with an outage of ten minutes, twenty minutes before the end; the renewals fall elsewhere each time. */
  async function hoursWithOutage(session: number) {
    const clock = new ManualClock();
    const cloud = new SimulatedCloud(clock);
    const notRenewed: unknown[] = [];
    const role = roleOf(cloud, clock, session, notRenewed);
    const days = [];
    for (const laterMs of [0, 7, 14, 21, 28, 35, 42].map((minutes) => minutes * minuteMs)) {
      const pass = async (ms: number) => {
        if (ms === 0) return;
        await clock.pass(ms - 30 * minuteMs);
        cloud.stsFailure = outage;
        await clock.pass(10 * minuteMs);
        cloud.stsFailure = undefined;
        await clock.pass(20 * minuteMs);
      };
      const length = { lengthMs: 3 * hourMs + laterMs, thresholdMs: 15 * minuteMs };
      days.push(await simulateDay({ clock, acr: cloud, providerFor: () => role, pass, ...length }));
    }
    return { days, notRenewed };
  }

  test.each([60, 75])('for ten minutes, a session of %d minutes bridges it without a gap', async (session) => {
    const { days, notRenewed } = await hoursWithOutage(session);
    for (const day of days) expect(day).toMatchObject({ longestGapMs: 0, failures: [] });
    expect(notRenewed).not.toHaveLength(0);
  });

  test('for ten minutes, a session of which less than that is left is replaced as soon as that can be', async () => {
    const { days } = await hoursWithOutage(15);
    const longestMs = Math.max(...days.map(({ longestGapMs }) => longestGapMs));
    expect(longestMs).toBeGreaterThan(0);
    expect(longestMs).toBeLessThan(4 * minuteMs);
  });

  test('for a whole day, it is asked about once a minute at the most, in the long run', async () => {
    const clock = new ManualClock();
    const cloud = new SimulatedCloud(clock);
    cloud.stsFailure = outage;
    const providerFor = (
      (role) => () =>
        role
    )(roleOf(cloud, clock, 60));
    const startsMs = [0, 1000, 1000, 1000, 1000];
    const pass = (ms: number) => clock.pass(ms);
    const day = await simulateDay({ clock, acr: cloud, providerFor, thresholdMs: 15 * minuteMs, startsMs, pass });
    expect(day.stored.size).toBe(0);
    expect(cloud.sessionsAt.length).toBeGreaterThan(1000);
    expect(cloud.sessionsAt.length).toBeLessThan(1460);
  });
});

/** A session that somebody else keeps, and replaces so long before its end. */
class KeptElsewhere {
  readonly #clock: ManualClock;
  readonly #lifeMs: number;
  readonly #replacedBeforeMs: number;
  #expiresAt = 0;

  constructor(clock: ManualClock, lifeMs: number, replacedBeforeMs: number) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
    this.#replacedBeforeMs = replacedBeforeMs;
  }

  /** As the metadata service answers. */
  read = (path: string): Promise<string> => {
    if (path.endsWith('/')) return Promise.resolve('worker');
    const now = this.#clock.now();
    if (this.#expiresAt - now <= this.#replacedBeforeMs) this.#expiresAt = now + this.#lifeMs;
    const Expiration = new Date(this.#expiresAt).toISOString();
    const words = { AccessKeyId: 'STS.node', AccessKeySecret: 'simulated', SecurityToken: 'simulated' };
    return Promise.resolve(JSON.stringify({ Code: 'Success', ...words, Expiration }));
  };
}

describe("a day with a session that is somebody else's to renew", () => {
  test.each([
    [360, 15],
    [360, 5],
    [60, 30],
    [60, 15],
    [60, 5],
  ])('of %d minutes, replaced %d minutes before its end', async (life, replacedBefore) => {
    for (const threshold of [1, 5, 15, 30, 45]) {
      const clock = new ManualClock();
      const cloud = new SimulatedCloud(clock);
      const metadata = new KeptElsewhere(clock, life * minuteMs, replacedBefore * minuteMs);
      const role: CredentialsProvider = new WorkerRole({ metadata, clock, onNotRenewed: () => undefined });
      const day = await simulateDay({
        clock,
        acr: cloud,
        providerFor: () => role,
        thresholdMs: threshold * minuteMs,
        pass: (ms) => clock.pass(ms),
      });
      expect(day, `threshold ${threshold} m`).toMatchObject({ longestGapMs: 0, failures: [] });
      // What others replace late allows no full life: their replacements are what is necessary then.
      const replaced = Math.ceil(1440 / (life - replacedBefore));
      const least = Math.max(necessaryCalls(threshold, life).tokens, replaced);
      expect(cloud.tokensAt.length / least, `threshold ${threshold} m`).toBeLessThan(1.5);
    }
  });

  test('and that nobody renews any more costs one token, and then an error a minute', async () => {
    const clock = new ManualClock();
    const cloud = new SimulatedCloud(clock);
    const metadata = new KeptElsewhere(clock, hourMs, -dayMs);
    const role = new WorkerRole({ metadata, clock, onNotRenewed: () => undefined });
    const pass = (ms: number) => clock.pass(ms);
    const thresholdMs = 15 * minuteMs;
    const day = await simulateDay({ clock, acr: cloud, providerFor: () => role, thresholdMs, pass });
    expect(cloud.tokensAt).toHaveLength(1);
    expect(day.failures.length).toBeGreaterThan(23 * 60);
    expect(day.failures.length).toBeLessThan(23 * 60 + 20);
  });
});
