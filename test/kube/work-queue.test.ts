import { beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../src/errors.ts';
import { WorkQueue } from '../../src/kube/work-queue.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

let clock: ManualClock;
let stop: AbortController;
let begun: string[];
let ended: string[];
let failures: { key: string; retryInMs: number }[];
/** What holds up the work on a key, and how that ends. */
let work: (key: string) => Promise<void>;

beforeEach(() => {
  clock = new ManualClock();
  stop = new AbortController();
  begun = [];
  ended = [];
  failures = [];
  work = () => Promise.resolve();
});

function queueOf(concurrency = 2): WorkQueue {
  return new WorkQueue({
    clock,
    concurrency,
    random: () => 1,
    onFailure: (key, _error, retryInMs) => failures.push({ key, retryInMs }),
    reconcile: async (key) => {
      begun.push(key);
      await work(key);
      ended.push(key);
    },
  });
}

function startedQueue(concurrency?: number): WorkQueue {
  const queue = queueOf(concurrency);
  queue.start(stop.signal);
  return queue;
}

/** Work that ends when it is told to. */
function gate() {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  work = () => promise.then(() => undefined);
  return { open: () => resolve(undefined), fail: reject };
}

describe('keys', () => {
  it('stand in the queue once, however often they are added', async () => {
    const { open } = gate();
    const queue = startedQueue(1);
    queue.add('a');
    for (let time = 0; time < 5; time++) queue.add('b');
    open();
    await clock.pass(0);
    expect(begun).toEqual(['a', 'b']);
  });

  it('are worked on as many at once as allowed, in the order of their coming', async () => {
    const { open } = gate();
    const queue = startedQueue(2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    expect(begun).toEqual(['a', 'b']);
    open();
    await clock.pass(0);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('added while they are worked on are worked on once more afterwards', async () => {
    const { open } = gate();
    const queue = startedQueue();
    queue.add('a');
    queue.add('a');
    queue.add('a');
    expect(begun).toEqual(['a']);
    open();
    await clock.pass(0);
    expect(begun).toEqual(['a', 'a']);
  });
});

describe('a delayed key', () => {
  it('comes when its time has come', async () => {
    const queue = startedQueue();
    queue.addAfter('a', 1000);
    await clock.pass(999);
    expect(begun).toEqual([]);
    await clock.pass(1);
    expect(begun).toEqual(['a']);
  });

  it('comes once when it is added sooner', async () => {
    const queue = startedQueue();
    queue.addAfter('a', 1000);
    queue.add('a');
    await clock.pass(2000);
    expect(begun).toEqual(['a']);
    expect(clock.sleepers).toBe(0);
  });

  it('has one delay, the last that was asked for', async () => {
    const queue = startedQueue();
    queue.addAfter('a', 1000);
    queue.addAfter('a', 5000);
    await clock.pass(4999);
    expect(begun).toEqual([]);
    await clock.pass(1);
    expect(begun).toEqual(['a']);
  });
});

describe('a failure', () => {
  it('is tried again after waits that double', async () => {
    work = () => Promise.reject(new Error('no'));
    startedQueue().add('a');
    await clock.pass(50 + 100 + 200);
    expect(failures.map(({ retryInMs }) => retryInMs)).toEqual([50, 100, 200, 400]);
  });

  it('never waits for more than 30 s', async () => {
    work = () => Promise.reject(new Error('no'));
    startedQueue().add('a');
    await clock.pass(3_600_000);
    expect(Math.max(...failures.map(({ retryInMs }) => retryInMs))).toBe(30_000);
  });

  it('that nobody is spared by never waits for longer than it says', async () => {
    work = () =>
      Promise.reject(new CodedError('outpaced', { code: 'Conflict', retryable: true, retryWithinMs: 2_000 }));
    startedQueue().add('a');
    await clock.pass(60_000);
    expect(failures.slice(0, 8).map(({ retryInMs }) => retryInMs)).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000]);
  });

  it('waits for what the server asked', async () => {
    work = () =>
      Promise.reject(new CodedError('later', { code: 'TooManyRequests', retryable: true, retryAfterMs: 7000 }));
    startedQueue().add('a');
    await clock.pass(6999);
    expect(begun).toHaveLength(1);
    await clock.pass(1);
    expect(begun).toHaveLength(2);
  });

  it('is forgotten after a success', async () => {
    const outcomes = ['no', 'no', 'yes', 'no'];
    work = () => (outcomes.shift() === 'yes' ? Promise.resolve() : Promise.reject(new Error('no')));
    const queue = startedQueue();
    queue.add('a');
    await clock.pass(150);
    expect(ended).toEqual(['a']);
    queue.add('a');
    await clock.pass(0);
    expect(failures.at(-1)?.retryInMs).toBe(50);
  });

  it('of one key holds up no other', async () => {
    work = (key) => (key === 'a' ? Promise.reject(new Error('no')) : Promise.resolve());
    const queue = startedQueue(1);
    queue.add('a');
    queue.add('b');
    await clock.pass(0);
    expect(ended).toEqual(['b']);
  });

  it('thrown before anything was awaited is one like any other', async () => {
    const queue = new WorkQueue({
      clock,
      concurrency: 1,
      random: () => 1,
      onFailure: (key, _error, retryInMs) => failures.push({ key, retryInMs }),
      reconcile: () => {
        throw new Error('no');
      },
    });
    queue.start(stop.signal);
    queue.add('a');
    await clock.pass(0);
    expect(failures).toEqual([{ key: 'a', retryInMs: 50 }]);
  });
});

describe('a storm of events', () => {
  it('about a key that failed does not cut its wait short', async () => {
    work = () =>
      Promise.reject(new CodedError('later', { code: 'TooManyRequests', retryable: true, retryAfterMs: 7000 }));
    const queue = startedQueue();
    queue.add('a');
    for (let event = 0; event < 69; event++) {
      await clock.pass(100);
      queue.add('a');
      queue.addAfter('a', 1);
    }
    expect(begun).toHaveLength(1);
    await clock.pass(100);
    expect(begun).toHaveLength(2);
  });

  it('that came while it was worked on and failed does not, either', async () => {
    const { fail } = gate();
    const queue = startedQueue();
    queue.add('a');
    queue.add('a');
    fail(new Error('no'));
    await clock.pass(49);
    expect(begun).toHaveLength(1);
    await clock.pass(1);
    expect(begun).toHaveLength(2);
  });

  it('after a success is heard again', async () => {
    const outcomes = [Promise.reject(new Error('no')), Promise.resolve()];
    work = () => outcomes.shift() ?? Promise.resolve();
    const queue = startedQueue();
    queue.add('a');
    await clock.pass(50);
    queue.add('a');
    await clock.pass(0);
    expect(begun).toHaveLength(3);
  });
});

describe('a stop', () => {
  it('begins nothing new and leaves no timer', async () => {
    const { open } = gate();
    const queue = startedQueue(1);
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 1000);
    stop.abort();
    open();
    await clock.pass(0);
    await clock.pass(10_000);
    expect(begun).toEqual(['a']);
    expect(clock.sleepers).toBe(0);
  });

  it('ends the tries of what fails because of it, and says nothing of that', async () => {
    const { fail } = gate();
    const queue = startedQueue();
    queue.add('a');
    stop.abort();
    fail(new Error('aborted'));
    await clock.pass(0);
    expect(failures).toEqual([]);
    expect(clock.sleepers).toBe(0);
  });

  it('is final: what is added later is not taken', async () => {
    const queue = startedQueue();
    stop.abort();
    queue.add('a');
    queue.addAfter('a', 10);
    await clock.pass(10);
    expect(begun).toEqual([]);
  });

  it('before the start leaves nothing waiting', async () => {
    const queue = queueOf();
    stop.abort();
    queue.start(stop.signal);
    queue.add('a');
    queue.addAfter('b', 1000);
    await clock.pass(0);
    expect(clock.sleepers).toBe(0);
    expect(begun).toEqual([]);
  });
});

describe('a start', () => {
  it('finds nothing of what was added before, as it looks at everything itself', async () => {
    const queue = queueOf();
    queue.add('a');
    queue.addAfter('b', 1000);
    expect(clock.sleepers).toBe(0);
    queue.start(stop.signal);
    await clock.pass(10_000);
    expect(begun).toEqual([]);
  });

  it('after a stop finds nothing that was left: no key, no wait and no failure', async () => {
    const refuse = () => Promise.reject(new Error('no'));
    work = refuse;
    const queue = startedQueue(1);
    queue.add('failing');
    await clock.pass(100);
    const { open } = gate();
    for (const key of ['worked on', 'worked on', 'waiting']) queue.add(key);
    queue.addAfter('delayed', 1000);
    stop.abort();
    queue.start(new AbortController().signal);
    open();
    begun = [];
    await clock.pass(60_000);
    expect(begun).toEqual([]);
    work = refuse;
    failures = [];
    queue.add('failing');
    await clock.pass(0);
    expect(failures).toEqual([{ key: 'failing', retryInMs: 50 }]);
  });
});

it('many keys that need nothing let everything else have its turn', async () => {
  work = () => {
    const end = performance.now() + 1;
    while (performance.now() < end);
    return Promise.resolve();
  };
  const queue = startedQueue();
  let doneBefore = Number.POSITIVE_INFINITY;
  setImmediate(() => (doneBefore = ended.length));
  for (let key = 0; key < 30; key++) queue.add(String(key));
  await clock.pass(0);
  expect(ended).toHaveLength(30);
  expect(doneBefore).toBeLessThan(30);
});
