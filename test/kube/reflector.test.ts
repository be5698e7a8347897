import { beforeEach, describe, expect, it } from 'vitest';
import { unreachable } from '../../src/kube/api-error.ts';
import type { ConfigMap, KubeObject } from '../../src/kube/objects.ts';
import { refOf } from '../../src/kube/object-map.ts';
import { Reflector, type Reduced, type ReflectorOptions } from '../../src/kube/reflector.ts';
import { resources } from '../../src/kube/resources.ts';
import { refAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

interface Observed extends Reduced {
  text: string;
}

const { configMaps } = resources;
const MINUTE_MS = 60_000;

let clock: ManualClock;
let api: MemoryApi;
let stop: AbortController;
let restarts: unknown[];
/** `a/b` came, `a/b: x` changed, `-a/b` went. */
let changes: string[];

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  restarts = [];
  changes = [];
});

const put = (key: string, text: string) => api.put<ConfigMap>(configMaps, { metadata: refAt(key), data: { text } });

function reflectorWith(options: Partial<ReflectorOptions<ConfigMap, Observed>> = {}): Reflector<ConfigMap, Observed> {
  const reflector = new Reflector<ConfigMap, Observed>({
    client: api,
    resource: configMaps,
    clock,
    reduce: ({ metadata, data }) => ({ resourceVersion: metadata.resourceVersion ?? '', text: data?.text ?? '' }),
    onRestart: (error) => restarts.push(error),
    ...options,
  });
  reflector.subscribe((key, current, previous) => {
    changes.push(!current ? `-${key}` : previous ? `${key}: ${current.text}` : key);
  });
  return reflector;
}

async function running(options?: Partial<ReflectorOptions<ConfigMap, Observed>>) {
  const reflector = reflectorWith(options);
  void reflector.run(stop.signal);
  await clock.pass(0);
  return reflector;
}

function textsOf(reflector: Reflector<ConfigMap, Observed>): Record<string, string> {
  return Object.fromEntries([...reflector.entries()].map(([key, { text }]) => [key, text]));
}

describe('the first list', () => {
  it('brings everything, by pages', async () => {
    for (let index = 0; index < 7; index++) put(`a/${index}`, 'x');
    api.pageSize = 3;
    const reflector = reflectorWith();
    expect(reflector.hasSynced).toBe(false);
    void reflector.run(stop.signal);
    await reflector.synced;
    expect(reflector.hasSynced).toBe(true);
    expect([...reflector.entries()]).toHaveLength(7);
    expect(api.count({ verb: 'list' })).toBe(3);
  });

  it("takes what is in the server's cache", async () => {
    await running();
    expect(api.calls[0]).toMatchObject({ verb: 'list', options: { resourceVersion: '0', limit: 500 } });
  });

  it('that finds nothing is one all the same', async () => {
    expect((await running()).hasSynced).toBe(true);
  });

  it('that fails is tried again until it comes', async () => {
    api.intercept = ({ verb }) => {
      if (verb === 'list' && restarts.length < 3) throw refusal(500, 'InternalError');
    };
    const reflector = await running();
    expect(reflector.hasSynced).toBe(false);
    await clock.pass(5_000);
    expect(reflector.hasSynced).toBe(true);
    expect(restarts).toHaveLength(3);
  });

  it('that is refused for a while waits for what the server asked', async () => {
    api.intercept = () => {
      if (restarts.length === 0) throw refusal(429, 'TooManyRequests', { retryAfterSeconds: 9 });
    };
    const reflector = await running();
    await clock.pass(8_999);
    expect(reflector.hasSynced).toBe(false);
    await clock.pass(1);
    expect(reflector.hasSynced).toBe(true);
  });

  it('whose pages expire meanwhile begins again', async () => {
    for (let index = 0; index < 4; index++) put(`a/${index}`, 'x');
    api.pageSize = 2;
    api.intercept = ({ verb, options }) => {
      if (verb === 'list' && options && 'continue' in options && restarts.length === 0) api.expireHistory();
    };
    const reflector = await running();
    await clock.pass(5_000);
    expect([...reflector.entries()]).toHaveLength(4);
    expect(restarts).toMatchObject([{ status: 410 }]);
  });
});

describe('what is kept', () => {
  it('follows what comes, changes and goes', async () => {
    put('a/b', 'one');
    const reflector = await running();
    put('a/b', 'two');
    put('a/c', 'x');
    api.remove(configMaps, refAt('a/c'));
    await clock.pass(0);
    expect(textsOf(reflector)).toEqual({ 'a/b': 'two' });
    expect(changes).toEqual(['a/b', 'a/b: two', 'a/c', '-a/c']);
  });

  it('is of the namespace and the name that were asked for', async () => {
    put('a/b', 'x');
    put('a/c', 'x');
    put('b/b', 'x');
    const reflector = await running({ namespace: 'a', fieldSelector: 'metadata.name=b' });
    put('a/c', 'y');
    put('b/b', 'y');
    await clock.pass(0);
    expect(textsOf(reflector)).toEqual({ 'a/b': 'x' });
    expect(reflector.get(refOf('a/b'))).toMatchObject({ text: 'x' });
    expect(reflector.get(refOf('b/b'))).toBeUndefined();
  });
});

describe('a watch', () => {
  it('that the server ends after its time goes on from where it was, and is no restart', async () => {
    put('a/b', 'one');
    await running();
    for (let round = 0; round < 5; round++) {
      await clock.pass(45_000);
      api.endWatches();
      await clock.pass(0);
    }
    put('a/b', 'two');
    await clock.pass(0);
    expect(changes).toEqual(['a/b', 'a/b: two']);
    expect(restarts).toEqual([]);
    expect(api.count({ verb: 'list' })).toBe(1);
  });

  it('asks to be ended after 45 s, and one that is still there after 50 s is given up', async () => {
    const reflector = await running();
    expect(api.calls.at(-1)).toMatchObject({ verb: 'watch', options: { timeoutSeconds: 45 } });
    await clock.pass(49_999);
    expect(api.count({ verb: 'watch' })).toBe(1);
    await clock.pass(1_000);
    expect(restarts).toMatchObject([{ code: 'Timeout' }]);
    expect(api.count({ verb: 'watch' })).toBe(2);
    put('a/b', 'x');
    await clock.pass(0);
    expect(textsOf(reflector)).toEqual({ 'a/b': 'x' });
  });

  it('that breaks goes on from where it was', async () => {
    await running();
    api.endWatches(refusal(500, 'InternalError'));
    put('a/b', 'x');
    await clock.pass(MINUTE_MS / 2);
    expect(changes).toEqual(['a/b']);
    expect(api.count({ verb: 'list' })).toBe(1);
  });

  it('that has lost its history is begun with a list', async () => {
    put('a/gone', 'x');
    put('a/b', 'one');
    await running();
    api.intercept = ({ verb }) => {
      if (verb === 'watch' && restarts.length === 1) throw refusal(410, 'Expired');
    };
    api.endWatches(refusal(500, 'InternalError'));
    api.remove(configMaps, refAt('a/gone'));
    put('a/b', 'two');
    await clock.pass(MINUTE_MS);
    expect(changes).toEqual(['a/gone', 'a/b', 'a/b: two', '-a/gone']);
    expect(api.count({ verb: 'list' })).toBe(2);
    // A list from the server's cache could lie before what the watch has brought.
    expect(api.calls.findLast(({ verb }) => verb === 'list')?.options).toMatchObject({ resourceVersion: undefined });
  });

  it('goes on from a bookmark where nothing else came', async () => {
    await running();
    api.put(resources.secrets, { metadata: refAt('x/y') });
    api.bookmark(configMaps);
    await clock.pass(0);
    api.expireHistory();
    api.endWatches(refusal(500, 'InternalError'));
    put('a/b', 'x');
    await clock.pass(MINUTE_MS / 2);
    expect(changes).toEqual(['a/b']);
    expect(api.count({ verb: 'list' })).toBe(1);
  });

  it.each([
    ['ends', undefined],
    ['fails', refusal(500, 'InternalError')],
  ])('that %s at once, each time, is not begun in a loop', async (_, error) => {
    let watches = 0;
    const watch = async function* () {
      watches++;
      if (error) throw error;
      yield* await Promise.resolve([]);
    };
    await running({ client: { list: (...args) => api.list(...args), watch } });
    await clock.pass(10 * MINUTE_MS);
    // The waits grow up to 10 s, of which the mean is half.
    expect(watches).toBeGreaterThan(60);
    expect(watches).toBeLessThan(250);
    expect(restarts).toHaveLength(watches);
  });

  it('that is refused as expired right after each list does not list in a loop', async () => {
    api.intercept = async ({ verb }) => {
      if (verb === 'list') await clock.sleep(2_000);
      if (verb === 'watch') throw refusal(410, 'Expired');
    };
    await running();
    await clock.pass(30 * MINUTE_MS);
    // Each list takes 2 s, and then there is a wait of up to 10 s.
    expect(api.count({ verb: 'list' })).toBeLessThan(400);
  });
});

describe('a relist', () => {
  it('comes soon after the clock was set, back or forward', async () => {
    await running();
    for (const byMs of [-24 * 60 * MINUTE_MS, 24 * 60 * MINUTE_MS]) {
      const before = api.count({ verb: 'list' });
      clock.set(clock.now() + byMs);
      await clock.pass(45_000);
      api.endWatches();
      await clock.pass(1_000);
      expect(api.count({ verb: 'list' })).toBe(before + 1);
    }
  });

  it('comes about every quarter of an hour, and is silent when all is as it was', async () => {
    put('a/b', 'x');
    await running();
    for (let minute = 0; minute < 60; minute++) {
      await clock.pass(45_000);
      api.endWatches();
      await clock.pass(15_000);
    }
    expect(api.count({ verb: 'list' })).toBeGreaterThanOrEqual(4);
    expect(api.count({ verb: 'list' })).toBeLessThanOrEqual(5);
    expect(changes).toEqual(['a/b']);
  });

  it('finds what a watch has lost', async () => {
    put('a/gone', 'x');
    const reflector = await running();
    const silent = new Set(['watch']);
    api.intercept = async ({ verb }) => {
      // The stream is open and nothing comes.
      if (silent.has(verb)) await clock.sleep(45_000);
    };
    api.endWatches();
    await clock.pass(0);
    api.remove(configMaps, refAt('a/gone'));
    put('a/new', 'x');
    for (let minute = 0; minute < 20; minute++) {
      await clock.pass(MINUTE_MS);
      api.endWatches();
    }
    expect(textsOf(reflector)).toEqual({ 'a/new': 'x' });
  });
});

describe('a server whose storage was restored from a backup', () => {
  /** What the service knew before; then another history, with lower versions, stands where the API was. */
  async function restored(fill: (api: MemoryApi) => void): Promise<Reflector<ConfigMap, Observed>> {
    for (let index = 0; index < 50; index++) put(`a/ghost-${index}`, 'x');
    put('a/kept', 'new');
    const reflector = await running({
      client: {
        list: (...args) => api.list(...args),
        watch: (resource, options) => api.watch(resource, options),
      },
    });
    const before = api;
    api = new MemoryApi();
    fill(api);
    before.endWatches(unreachable(new Error('ECONNRESET')));
    await clock.pass(1_000);
    return reflector;
  }

  it('is believed in everything, however low its versions are', async () => {
    const reflector = await restored(() => {
      put('a/kept', 'old');
      put('a/back', 'again');
    });
    expect(textsOf(reflector)).toEqual({ 'a/kept': 'old', 'a/back': 'again' });
  });

  it('is followed from there', async () => {
    const reflector = await restored(() => put('a/kept', 'old'));
    put('a/kept', 'newer');
    api.remove(configMaps, refAt('a/none'));
    await clock.pass(0);
    expect(textsOf(reflector)).toEqual({ 'a/kept': 'newer' });
    reflector.observe(put('a/own', 'x'));
    expect(textsOf(reflector)).toMatchObject({ 'a/own': 'x' });
  });

  it('is believed by pages, and though its versions have overtaken what was known', async () => {
    const reflector = await restored((other) => {
      other.pageSize = 2;
      for (let index = 0; index < 60; index++) put('a/kept', `version ${index}`);
      for (const name of ['b', 'c', 'd']) put(`a/${name}`, 'x');
    });
    expect(Object.keys(textsOf(reflector)).sort()).toEqual(['a/b', 'a/c', 'a/d', 'a/kept']);
  });
});

describe('the answer to a write of our own', () => {
  const observeLater = (object: KubeObject) => structuredClone(object) as ConfigMap;

  it('counts at once, and its watch event changes nothing more', async () => {
    const reflector = await running();
    reflector.observe(put('a/b', 'x'));
    expect(textsOf(reflector)).toEqual({ 'a/b': 'x' });
    await clock.pass(0);
    expect(changes).toEqual(['a/b']);
  });

  it('that comes after the event of a deletion does not bring the object back', async () => {
    const reflector = await running();
    const written = observeLater(put('a/b', 'x'));
    api.remove(configMaps, refAt('a/b'));
    await clock.pass(0);
    reflector.observe(written);
    expect(textsOf(reflector)).toEqual({});
  });

  it('that made an object anew outlives the late event of its deletion', async () => {
    put('a/b', 'one');
    const reflector = await running();
    api.silence = clock.sleep(1_000);
    api.endWatches();
    api.remove(configMaps, refAt('a/b'));
    reflector.observe(put('a/b', 'two'));
    await clock.pass(1_000);
    expect(textsOf(reflector)).toEqual({ 'a/b': 'two' });
    expect(changes).toEqual(['a/b', 'a/b: two']);
  });

  it('that comes after the answer to a later write does not bring old content back', async () => {
    const reflector = await running();
    const first = observeLater(put('a/b', 'one'));
    const second = observeLater(put('a/b', 'two'));
    reflector.observe(second);
    reflector.observe(first);
    expect(textsOf(reflector)).toEqual({ 'a/b': 'two' });
  });

  it('that comes before the first list outlives one that is older', async () => {
    const reflector = reflectorWith();
    put('a/other', 'x');
    api.beforeAnswer = ({ verb }) => {
      if (verb === 'list') reflector.observe(put('a/b', 'x'));
    };
    void reflector.run(stop.signal);
    await reflector.synced;
    expect(textsOf(reflector)).toEqual({ 'a/other': 'x', 'a/b': 'x' });
  });

  it('that comes while history is lost does not bring old content back', async () => {
    put('a/b', 'one');
    const reflector = await running();
    const old = observeLater(put('a/b', 'two'));
    put('a/b', 'three');
    await clock.pass(0);
    api.intercept = ({ verb }) => {
      if (verb === 'list') throw refusal(500, 'InternalError');
      if (verb === 'watch') throw refusal(410, 'Expired');
    };
    api.endWatches(refusal(500, 'InternalError'));
    await clock.pass(MINUTE_MS);
    reflector.observe(old);
    expect(textsOf(reflector)).toEqual({ 'a/b': 'three' });
  });
});

describe('a stop', () => {
  it.each([
    ['watching', () => undefined],
    [
      'waiting after a failure',
      () => {
        api.intercept = () => {
          throw refusal(500, 'InternalError');
        };
      },
    ],
    [
      'listing',
      () => {
        api.intercept = ({ verb }) => (verb === 'list' ? clock.sleep(1000, stop.signal) : undefined);
      },
    ],
  ])('ends it while it is %s, without a restart', async (_, arrange) => {
    arrange();
    const reflector = reflectorWith();
    const run = reflector.run(stop.signal);
    await clock.pass(0);
    const before = restarts.length;
    stop.abort();
    await run;
    expect(restarts).toHaveLength(before);
    expect(clock.sleepers).toBe(0);
  });
});
