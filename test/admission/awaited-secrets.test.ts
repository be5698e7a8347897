import { beforeEach, describe, expect, it } from 'vitest';
import { AwaitedSecrets } from '../../src/admission/awaited-secrets.ts';
import type { EnsureOutcome } from '../../src/secrets/pull-secret-writer.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { refusal } from '../fakes/memory-api.ts';

let clock: ManualClock;
let wishes: string[];
let underWay: number;
let mostUnderWay: number;
let ensure: (namespace: string) => Promise<EnsureOutcome>;
let secrets: AwaitedSecrets;

beforeEach(() => {
  clock = new ManualClock();
  wishes = [];
  underWay = 0;
  mostUnderWay = 0;
  ensure = () => Promise.resolve('Written');
  secrets = new AwaitedSecrets({
    clock,
    ensureSecret: async (namespace) => {
      wishes.push(namespace);
      mostUnderWay = Math.max(mostUnderWay, ++underWay);
      try {
        return await ensure(namespace);
      } finally {
        underWay--;
      }
    },
  });
});

const numbered = (count: number) => Array.from({ length: count }, (_, index) => index);

/** A write that ends when the test says so. */
function holdWrites(): (outcome: EnsureOutcome) => void {
  const { promise, resolve } = Promise.withResolvers<EnsureOutcome>();
  ensure = () => promise;
  return resolve;
}

describe('a thousand requests for one namespace', () => {
  const all = (budgetMs = 9_000) => Promise.all(numbered(1_000).map(() => secrets.within('a', budgetMs)));

  it('cost one write', async () => {
    const end = holdWrites();
    const states = all();
    end('Written');
    expect(new Set(await states)).toEqual(new Set(['Written']));
    expect(wishes).toEqual(['a']);
    expect(clock.sleepers).toBe(0);
  });

  it('cost one try at a time while the API server refuses', async () => {
    ensure = () =>
      wishes.length < 4 ? Promise.reject(refusal(503, 'ServiceUnavailable')) : Promise.resolve('Written');
    const states = all();
    await clock.pass(9_000);
    expect(new Set(await states)).toEqual(new Set(['Written']));
    expect(wishes).toHaveLength(4);
  });

  it('are answered when their time is over, and nothing goes on after them', async () => {
    ensure = () => Promise.reject(refusal(503, 'ServiceUnavailable'));
    const states = all(500);
    await clock.pass(500);
    expect(new Set(await states)).toEqual(new Set(['NotInTime']));
    const tries = wishes.length;
    await clock.pass(60_000);
    expect(wishes).toHaveLength(tries);
    expect(clock.sleepers).toBe(0);
  });
});

describe('requests for one namespace', () => {
  it('wait each for its own time', async () => {
    const end = holdWrites();
    const short = secrets.within('a', 100);
    const long = secrets.within('a', 1_000);
    await clock.pass(100);
    expect(await short).toBe('NotInTime');
    end('Written');
    expect(await long).toBe('Written');
    expect(wishes).toEqual(['a']);
  });

  it('ask anew once the one before is done', async () => {
    await secrets.within('a', 1_000);
    await secrets.within('a', 1_000);
    expect(wishes).toEqual(['a', 'a']);
  });

  it('get the error that nobody foresaw', async () => {
    ensure = () => Promise.reject(new Error('bug'));
    const both = [secrets.within('a', 1_000), secrets.within('a', 1_000)];
    for (const each of both) await expect(each).rejects.toThrow('bug');
    expect(clock.sleepers).toBe(0);
  });
});

describe('requests for many namespaces', () => {
  it('are written for 32 at a time, and all of them', async () => {
    ensure = async () => {
      await clock.sleep(10);
      return 'Written';
    };
    const states = Promise.all(numbered(200).map((index) => secrets.within(`ns-${index}`, 9_000)));
    await clock.pass(1_000);
    expect(new Set(await states)).toEqual(new Set(['Written']));
    expect(wishes).toHaveLength(200);
    expect(mostUnderWay).toBe(32);
  });

  it('whose time ends while they stand in line are not written for', async () => {
    const end = holdWrites();
    const states = Promise.all(numbered(100).map((index) => secrets.within(`ns-${index}`, 1_000)));
    await clock.pass(1_000);
    expect(new Set(await states)).toEqual(new Set(['NotInTime']));
    end('Written');
    await clock.pass(1_000);
    expect(wishes).toHaveLength(32);
    expect(await secrets.within('later', 1_000)).toBe('Written');
  });

  it('whose writes hang hold one place each, however often they are given up and asked for anew', async () => {
    const hang = clock.sleep(60_000).then(() => 'Written' as const);
    ensure = (namespace) => (namespace === 'well' ? Promise.resolve('Written') : hang);
    for (let time = 0; time < 40; time++) {
      const states = Promise.all(numbered(4).map((index) => secrets.within(`slow-${index}`, 900)));
      await clock.pass(900);
      expect(new Set(await states)).toEqual(new Set(['NotInTime']));
    }
    expect(wishes).toHaveLength(4);
    expect(await secrets.within('well', 900)).toBe('Written');
    const later = secrets.within('slow-1', 60_000);
    await clock.pass(60_000);
    expect(await later).toBe('Written');
    expect(wishes).toHaveLength(5);
  });

  it('that no watch has brought hold up none that one has, in the same namespace either', async () => {
    ensure = async (namespace) => {
      await clock.sleep(10);
      return namespace === 'real' ? 'Written' : 'NamespaceGone';
    };
    for (const index of numbered(4_000)) void secrets.within(`nowhere-${index}`, 9_000, false);
    const first = secrets.within('real', 9_000, false);
    const second = secrets.within('real', 9_000, true);
    await clock.pass(100);
    expect(await second).toBe('Written');
    expect(wishes.length).toBeLessThan(100);
    await clock.pass(9_000);
    expect(await first).toBe('Written');
  });

  it('do not hold up others while they wait for another try', async () => {
    ensure = (namespace) =>
      namespace === 'well' ? Promise.resolve('Written') : Promise.reject(refusal(429, 'TooManyRequests'));
    const refused = Promise.all(numbered(40).map((index) => secrets.within(`ns-${index}`, 5_000)));
    expect(await secrets.within('well', 5_000)).toBe('Written');
    await clock.pass(5_000);
    expect(new Set(await refused)).toEqual(new Set(['NotInTime']));
  });
});
