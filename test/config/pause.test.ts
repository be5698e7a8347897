import { expect, it } from 'vitest';
import { Pause } from '../../src/config/pause.ts';

it('is off at first, and tells of every change once', () => {
  const pause = new Pause();
  const told: boolean[] = [];
  const unsubscribe = pause.onChange((isOn) => told.push(isOn));
  pause.switch(false);
  pause.switch(true);
  pause.switch(true);
  expect(pause.isOn).toBe(true);
  pause.switch(false);
  unsubscribe();
  pause.switch(true);
  expect(told).toEqual([true, false]);
});

it('is known from the first look on, whatever that found', async () => {
  const pause = new Pause();
  let isKnown = false;
  const known = pause.known.then(() => (isKnown = true));
  await Promise.resolve();
  expect(isKnown).toBe(false);
  pause.switch(false);
  await known;
});

it('holds up who waits for its end until it is off', async () => {
  const pause = new Pause();
  const { signal } = new AbortController();
  await pause.off(signal);
  pause.switch(true);
  let isOver = false;
  const waiting = pause.off(signal).then(() => (isOver = true));
  await Promise.resolve();
  expect(isOver).toBe(false);
  pause.switch(false);
  await waiting;
});

it('lets go whoever is ended meanwhile', async () => {
  const pause = new Pause();
  pause.switch(true);
  const stop = new AbortController();
  const waiting = pause.off(stop.signal);
  stop.abort(new Error('ended'));
  await expect(waiting).rejects.toThrow('ended');
  await expect(pause.off(stop.signal)).rejects.toThrow('ended');
});
