import { beforeEach, expect, it } from 'vitest';
import { TokensKeeper } from '../../src/credentials/tokens-keeper.ts';
import { TokensStore } from '../../src/credentials/tokens-store.ts';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import { resources } from '../../src/kube/resources.ts';
import { credentialWith } from '../builders/credential.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';

const ref = { namespace: 'acr', name: 'acr-credential-injector-tokens' };

let clock: ManualClock;
let api: MemoryApi;
let stop: AbortController;
let fights: string[];
let store: TokensStore;

beforeEach(async () => {
  clock = new ManualClock();
  api = new MemoryApi();
  stop = new AbortController();
  fights = [];
  store = new TokensStore({ client: api, clock, namespace: 'acr', onWriteFailure: () => undefined });
  const loopGuard = new LoopGuard({ clock, onFight: ({ name }) => fights.push(name) });
  void store.run(stop.signal);
  new TokensKeeper({ clock, store, loopGuard, namespace: 'acr' }).start(stop.signal);
  await clock.pass(0);
  await store.update(() => ({ credentials: { demo: credentialWith() } }), stop.signal);
  await clock.pass(0);
});

const isThere = () => api.read(resources.secrets, ref) !== undefined;

it('a tokens Secret that somebody deletes is written again from memory', async () => {
  api.remove(resources.secrets, ref);
  await clock.pass(1_000);
  expect(isThere()).toBe(true);
  expect(store.current.credentials).toEqual({ demo: credentialWith() });
});

it('who deletes it again and again is answered ever more slowly, and told of once', async () => {
  const before = api.count({ verb: 'apply' });
  for (let second = 0; second < 600; second++) {
    api.remove(resources.secrets, ref);
    await clock.pass(1_000);
  }
  expect(api.count({ verb: 'apply' }) - before).toBeLessThan(20);
  expect(fights).toEqual([ref.name]);
});

it('a renewed token waits for no fight', async () => {
  for (let second = 0; second < 100; second++) {
    api.remove(resources.secrets, ref);
    await clock.pass(1_000);
  }
  expect(isThere()).toBe(false);
  void store.update(() => ({ credentials: { demo: credentialWith({ password: 'renewed' }) } }), stop.signal);
  await clock.pass(0);
  expect(isThere()).toBe(true);
});

it('who leads no longer leaves it to another', async () => {
  const term = new AbortController();
  const loopGuard = new LoopGuard({ clock, onFight: () => undefined });
  const other = new MemoryApi();
  const lost = new TokensStore({ client: other, clock, namespace: 'acr', onWriteFailure: () => undefined });
  void lost.run(stop.signal);
  new TokensKeeper({ clock, store: lost, loopGuard, namespace: 'acr' }).start(term.signal);
  await clock.pass(0);
  await lost.update(() => ({ credentials: { demo: credentialWith() } }), stop.signal);
  await clock.pass(0);
  term.abort();
  other.remove(resources.secrets, ref);
  await clock.pass(60_000);
  expect(other.read(resources.secrets, ref)).toBeUndefined();
});
