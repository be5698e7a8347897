import { beforeEach, describe, expect, it } from 'vitest';
import { encodeTokensSecret, type TokensState } from '../../src/credentials/tokens-secret.ts';
import { TokensStore, type TokensUpdate } from '../../src/credentials/tokens-store.ts';
import { resources } from '../../src/kube/resources.ts';
import { credentialWith, START } from '../builders/credential.ts';
import { secretAt } from '../builders/kube-objects.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

const ref = { namespace: 'acr', name: 'acr-credential-injector-tokens' };

let clock: ManualClock;
let api: MemoryApi;
let stop: AbortController;
let failures: unknown[];
let changes: number;

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  failures = [];
  changes = 0;
});

function storeOf(): TokensStore {
  const store = new TokensStore({
    client: api,
    clock,
    namespace: 'acr',
    onWriteFailure: (error) => failures.push(error),
  });
  store.onChange(() => changes++);
  void store.run(stop.signal);
  return store;
}

async function syncedStore(): Promise<TokensStore> {
  const store = storeOf();
  await store.synced;
  await clock.pass(0);
  return store;
}

const put = (state: TokensState) => api.put(resources.secrets, encodeTokensSecret(state, 'acr'));
const writes = () => api.count({ verb: 'apply' });

/** Adds or replaces the credential of this key. */
const setting =
  (key: string, password = key): TokensUpdate =>
  ({ credentials }) => ({ credentials: { ...credentials, [key]: credentialWith({ password }) } });

function passwordsIn({ current }: TokensStore): Record<string, string> {
  return Object.fromEntries(Object.entries(current.credentials).map(([key, { password }]) => [key, password]));
}

/** What a replica that starts now finds. */
async function stored(): Promise<Record<string, string>> {
  return passwordsIn(await syncedStore());
}

/** Lets writes begin, and holds up their answers until they are let go. */
function holdAnswers() {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  api.beforeAnswer = ({ verb }) => (verb === 'apply' ? promise.then(() => undefined) : undefined);
  return () => resolve(undefined);
}

describe('the state', () => {
  it('is what is in the Secret', async () => {
    put({ generation: 5, credentials: { a: credentialWith({ password: 'old' }) }, configuration: { x: 'y' } });
    const store = await syncedStore();
    expect(store.isStored).toBe(true);
    expect(store.current).toMatchObject({ generation: 5, configuration: { x: 'y' } });
    put({ generation: 6, credentials: { a: credentialWith({ password: 'new' }) } });
    await clock.pass(0);
    expect(passwordsIn(store)).toEqual({ a: 'new' });
    expect(changes).toBe(2);
  });

  it('is empty where there is no Secret, or none that can be read', async () => {
    const store = await syncedStore();
    expect(store.current).toEqual({ generation: 0, credentials: {} });
    expect(store.isStored).toBe(false);
    api.put(resources.secrets, secretAt('acr/acr-credential-injector-tokens', { data: { 'state.json': 'e30=' } }));
    await clock.pass(0);
    expect(store.isStored).toBe(false);
  });

  it('outlives the Secret, and says that it is not stored', async () => {
    put({ generation: 5, credentials: { a: credentialWith() } });
    const store = await syncedStore();
    api.remove(resources.secrets, ref);
    await clock.pass(0);
    expect(Object.keys(store.current.credentials)).toEqual(['a']);
    expect(store.isStored).toBe(false);
    expect(changes).toBe(2);
  });
});

describe('a Secret that somebody put back to what it was', () => {
  it('changes nothing in memory, is said not to be stored, and is written over', async () => {
    const store = await syncedStore();
    await store.update(setting('a'), stop.signal);
    put({ generation: 1, credentials: {} });
    await clock.pass(0);
    expect(passwordsIn(store)).toEqual({ a: 'a' });
    expect(store.isStored).toBe(false);
    await store.update((state) => state, stop.signal);
    expect(await stored()).toEqual({ a: 'a' });
  });
});

describe('a change', () => {
  it('is in force when it is stored', async () => {
    const store = await syncedStore();
    await store.update(setting('a'), stop.signal);
    expect(passwordsIn(store)).toEqual({ a: 'a' });
    expect(store.isStored).toBe(true);
    expect(await stored()).toEqual({ a: 'a' });
  });

  it('keeps the configuration unless it says otherwise', async () => {
    const store = await syncedStore();
    await store.update(({ credentials }) => ({ credentials, configuration: { x: 'y' } }), stop.signal);
    await store.update(setting('a'), stop.signal);
    expect(store.current.configuration).toEqual({ x: 'y' });
  });

  it('makes the generation grow, past any that was lost while nothing ran', async () => {
    const store = await syncedStore();
    await store.update(setting('a'), stop.signal);
    expect(store.current.generation).toBe(START);
    await store.update(setting('b'), stop.signal);
    expect(store.current.generation).toBe(START + 1);
    clock.advance(60_000);
    await store.update(setting('c'), stop.signal);
    expect(store.current.generation).toBe(START + 60_000);
  });

  it('of nothing is no write, unless nothing is stored', async () => {
    const store = await syncedStore();
    await store.update(setting('a'), stop.signal);
    await store.update(setting('a'), stop.signal);
    expect(writes()).toBe(1);
    api.remove(resources.secrets, ref);
    await clock.pass(0);
    await store.update((state) => state, stop.signal);
    expect(writes()).toBe(2);
    expect(await stored()).toEqual({ a: 'a' });
  });

  it('that comes while a write is under way goes into the next one, with all others', async () => {
    const store = await syncedStore();
    const letGo = holdAnswers();
    const updates = ['a', 'b', 'c', 'd'].map((key) => store.update(setting(key), stop.signal));
    await clock.pass(0);
    expect(writes()).toBe(1);
    letGo();
    await Promise.all(updates);
    expect(writes()).toBe(2);
    expect(await stored()).toEqual({ a: 'a', b: 'b', c: 'c', d: 'd' });
  });

  it('is in force even when its event comes before the answer', async () => {
    const store = await syncedStore();
    const letGo = holdAnswers();
    const update = store.update(setting('a'), stop.signal);
    await clock.pass(1_000);
    expect(passwordsIn(store)).toEqual({ a: 'a' });
    letGo();
    await update;
    expect(passwordsIn(store)).toEqual({ a: 'a' });
    expect(writes()).toBe(1);
  });
});

describe('a Secret that was deleted before our write was answered', () => {
  it('leaves the change in memory, to be written back', async () => {
    const store = await syncedStore();
    api.silence = clock.sleep(20_000);
    api.endWatches();
    const letGo = holdAnswers();
    const update = store.update(setting('a'), stop.signal);
    await clock.pass(0);
    api.remove(resources.secrets, ref);
    api.expireHistory();
    api.endWatches();
    await clock.pass(15_000);
    letGo();
    await update;
    expect(passwordsIn(store)).toEqual({ a: 'a' });
    expect(store.isStored).toBe(false);
  });
});

describe('another writer', () => {
  it('loses nothing: the change is made again to what is there', async () => {
    put({ generation: 5, credentials: { old: credentialWith() } });
    const store = await syncedStore();
    api.silence = clock.sleep(30_000);
    api.endWatches();
    put({ generation: 6, credentials: { theirs: credentialWith({ password: 'theirs' }) } });
    const update = store.update(setting('ours'), stop.signal);
    await clock.pass(1_000);
    await update;
    expect(await stored()).toEqual({ theirs: 'theirs', ours: 'ours' });
    expect(failures).toEqual([]);
  });

  it('who deletes the Secret meanwhile loses nothing, either', async () => {
    put({ generation: 5, credentials: { old: credentialWith({ password: 'old' }) } });
    const store = await syncedStore();
    api.silence = clock.sleep(3_000);
    api.endWatches();
    api.remove(resources.secrets, ref);
    const update = store.update(setting('ours'), stop.signal);
    await clock.pass(20_000);
    await update;
    expect(await stored()).toEqual({ old: 'old', ours: 'ours' });
  });
});

describe('a write that fails', () => {
  it('is tried again until it succeeds, and said each time', async () => {
    const store = await syncedStore();
    api.intercept = ({ verb }) => {
      if (verb === 'apply' && failures.length < 3) throw refusal(500, 'InternalError');
    };
    const update = store.update(setting('a'), stop.signal);
    await clock.pass(10_000);
    await update;
    expect(failures).toHaveLength(3);
    expect(await stored()).toEqual({ a: 'a' });
  });

  it('because there is no such namespace is said, too', async () => {
    const store = await syncedStore();
    api.intercept = ({ verb }) => {
      if (verb === 'apply') throw refusal(404, 'NotFound');
    };
    void store.update(setting('a'), stop.signal).catch(() => undefined);
    await clock.pass(1_000);
    expect(failures).not.toEqual([]);
    stop.abort();
  });

  it('waits for what the server asked', async () => {
    const store = await syncedStore();
    api.intercept = ({ verb }) => {
      if (verb === 'apply' && failures.length < 1) throw refusal(429, 'TooManyRequests', { retryAfterSeconds: 20 });
    };
    const update = store.update(setting('a'), stop.signal);
    await clock.pass(19_999);
    expect(writes()).toBe(1);
    await clock.pass(1);
    await update;
    expect(writes()).toBe(2);
  });
});

describe('an abort', () => {
  it('ends the tries, rejects, and leaves nothing to be written by the next change', async () => {
    const store = await syncedStore();
    const mine = new AbortController();
    api.intercept = ({ verb }) => {
      if (verb === 'apply' && !mine.signal.aborted) throw refusal(500, 'InternalError');
    };
    const update = store.update(setting('aborted'), mine.signal);
    await clock.pass(500);
    mine.abort();
    await expect(update).rejects.toMatchObject({ name: 'AbortError' });
    await store.update(setting('next'), stop.signal);
    expect(await stored()).toEqual({ next: 'next' });
  });

  it('of the change that began a write ends no other that waits for it', async () => {
    const store = await syncedStore();
    const first = new AbortController();
    api.intercept = ({ verb }) => {
      if (verb === 'apply' && !first.signal.aborted) throw refusal(500, 'InternalError');
    };
    const begun = store.update(setting('first'), first.signal);
    const waiting = store.update(setting('second'), stop.signal);
    await clock.pass(500);
    first.abort();
    await expect(begun).rejects.toMatchObject({ name: 'AbortError' });
    await clock.pass(20_000);
    await waiting;
    expect(await stored()).toEqual({ second: 'second' });
  });

  it('of a change that waits for the write of another is not held up by that', async () => {
    const store = await syncedStore();
    const mine = new AbortController();
    const letGo = holdAnswers();
    const first = store.update(setting('first'), stop.signal);
    const waiting = store.update(setting('waiting'), mine.signal);
    mine.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    letGo();
    await first;
    expect(await stored()).toEqual({ first: 'first' });
  });

  it('before the start writes nothing', async () => {
    const store = await syncedStore();
    await expect(store.update(setting('a'), AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(writes()).toBe(0);
  });
});

it('what was made from tokens that are lost can be told by its generation, until they are lost again', async () => {
  clock.advance(1_000);
  const store = await syncedStore();
  await store.update(setting('a'), stop.signal);
  const { since, generation } = store.current;
  expect([since, generation]).toEqual([clock.now(), clock.now()]);
  clock.advance(1_000);
  await store.update(setting('b'), stop.signal);
  api.remove(resources.secrets, ref);
  await clock.pass(0);
  await store.update((state) => state, stop.signal);
  expect((await syncedStore()).current.since).toBe(since);
});
