import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { LoopGuard, type KeptObject } from '../../src/kube/loop-guard.ts';
import { resources } from '../../src/kube/resources.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const object: KeptObject = { resource: resources.secrets, namespace: 'a', name: 'pull' };

let clock: ManualClock;
let guard: LoopGuard;
let fights: { object: KeptObject; rivals: readonly string[] }[];

beforeEach(() => {
  clock = new ManualClock();
  fights = [];
  guard = new LoopGuard({ clock, onFight: (kept, rivals) => fights.push({ object: kept, rivals }) });
});

const waitMs = (wanted = 'content', rivals = ['rival']) => guard.waitMs(object, wanted, rivals);
const write = (wanted = 'content') => guard.wrote(object, wanted);

/** Somebody undoes what we write `everyMs`, and we write it again as soon as we may. @returns how often we wrote. */
async function fight(forMs: number, { everyMs = SECOND_MS, wanted = (): string => 'content' } = {}): Promise<number> {
  const end = clock.now() + forMs;
  let writes = 0;
  while (clock.now() < end) {
    if (waitMs(wanted()) === 0) {
      write(wanted());
      writes++;
    }
    await clock.pass(everyMs);
  }
  return writes;
}

/** The first write and six repairs of it. */
const beginFight = () => fight(700, { everyMs: 100 });

describe('what never waits', () => {
  it('is a first write, and a few repairs of it', async () => {
    expect(await beginFight()).toBe(7);
    expect(fights).toEqual([]);
  });

  it('is a repair now and then, however often in all', async () => {
    expect(await fight(60 * MINUTE_MS, { everyMs: 13 * SECOND_MS })).toBe(Math.ceil((60 * 60) / 13));
    expect(fights).toEqual([]);
  });

  it('is new content, each time: nobody has undone that', async () => {
    let generation = 0;
    expect(await fight(5 * MINUTE_MS, { wanted: () => `content ${generation++}` })).toBe(300);
    expect(fights).toEqual([]);
  });

  it('is new content in the middle of a fight, which goes on after it', async () => {
    await fight(3 * MINUTE_MS);
    expect(waitMs()).toBeGreaterThan(0);
    expect(waitMs('renewed')).toBe(0);
    write('renewed');
    expect(waitMs('renewed')).toBeGreaterThan(0);
    expect(fights).toHaveLength(1);
  });

  it('is another object', async () => {
    await beginFight();
    expect(guard.waitMs({ ...object, namespace: 'b' }, 'content', [])).toBe(0);
    expect(guard.waitMs({ ...object, resource: resources.serviceAccounts }, 'content', [])).toBe(0);
  });

  it('is an object of the same name after the one before went', async () => {
    await beginFight();
    guard.forget(object);
    expect(await beginFight()).toBe(7);
    expect(fights).toEqual([]);
  });
});

describe('a fight', () => {
  it('waits ever longer between repairs, and no longer than five minutes', async () => {
    await beginFight();
    const waits: number[] = [];
    for (let round = 0; round < 11; round++) {
      waits.push(waitMs());
      await clock.pass(waitMs());
      expect(waitMs()).toBe(0);
      write();
    }
    expect(waits.map((ms) => ms / SECOND_MS)).toEqual([0.9, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  it('is reported once, with who wrote the object beside us', async () => {
    await fight(60 * MINUTE_MS);
    expect(fights).toEqual([{ object, rivals: ['rival'] }]);
  });

  it('costs a score of writes in its first hour', async () => {
    await beginFight();
    expect(await fight(60 * MINUTE_MS)).toBeLessThanOrEqual(21);
  });

  it('is over when the object was left alone for long, and a new one is reported anew', async () => {
    await fight(5 * MINUTE_MS);
    await clock.pass(11 * MINUTE_MS);
    expect(await beginFight()).toBe(7);
    expect(waitMs()).toBeGreaterThan(0);
    expect(fights).toHaveLength(2);
  });

  it('is forgotten by a clock that was set, back or forward', async () => {
    const DAY_MS = 24 * 60 * MINUTE_MS;
    for (const jumpMs of [DAY_MS, -DAY_MS]) {
      await beginFight();
      expect(waitMs()).toBeGreaterThan(0);
      clock.set(clock.now() + jumpMs);
      expect(waitMs()).toBe(0);
    }
  });
});

it('however repairs come, one more is made within five minutes', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 * MINUTE_MS }), { maxLength: 40 }), (pauses) => {
      const time = { now: 0 };
      const counted = new LoopGuard({
        clock: { now: () => time.now },
        onFight: () => undefined,
      });
      for (const pauseMs of pauses) {
        const wait = counted.waitMs(object, 'content', []);
        expect(wait).toBeLessThanOrEqual(5 * MINUTE_MS);
        time.now += Math.max(wait, pauseMs);
        expect(counted.waitMs(object, 'content', [])).toBe(0);
        counted.wrote(object, 'content');
      }
    }),
  );
});
