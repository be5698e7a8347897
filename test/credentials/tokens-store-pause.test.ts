import { expect, it } from 'vitest';
import { Pause } from '../../src/config/pause.ts';
import { TokensStore } from '../../src/credentials/tokens-store.ts';
import { credentialWith } from '../builders/credential.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi } from '../fakes/memory-api.ts';

it('while all is paused changes wait, and then they are stored in one write', async () => {
  const clock = new ManualClock();
  const api = new MemoryApi();
  const pause = new Pause();
  const { signal } = new AbortController();
  const store = new TokensStore({ client: api, clock, namespace: 'acr', pause, onWriteFailure: () => undefined });
  void store.run(signal);
  await clock.pass(0);

  pause.switch(true);
  const set = (key: string, ending = signal) =>
    store.update(({ credentials }) => ({ credentials: { ...credentials, [key]: credentialWith() } }), ending);
  const stop = new AbortController();
  const changes = [set('a'), set('b')];
  const ended = set('ended', stop.signal);
  await clock.pass(60_000);
  expect(api.count({ verb: 'apply' })).toBe(0);
  stop.abort(new Error('ended'));
  await expect(ended).rejects.toThrow();

  pause.switch(false);
  await Promise.all(changes);
  expect(Object.keys(store.current.credentials)).toEqual(['a', 'b']);
  expect(api.count({ verb: 'apply' })).toBe(1);
});
