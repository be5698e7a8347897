import { describe, expect, it } from 'vitest';
import { aborted, systemClock, withDeadline } from '../src/clock.ts';
import { ManualClock } from './fakes/manual-clock.ts';

describe('the system clock', () => {
  it('tells the time', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
  });

  it('sleeps no time for a negative one', async () => {
    const before = performance.now();
    await systemClock.sleep(-5_000);
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('sleeps through what a timer of Node would take for nothing, until its signal fires', async () => {
    const stop = new AbortController();
    const sleep = systemClock.sleep(2 ** 40, stop.signal);
    const first = await Promise.race([sleep.then(() => 'woke'), systemClock.sleep(20).then(() => 'asleep')]);
    expect(first).toBe('asleep');
    stop.abort();
    await expect(sleep).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('a deadline', () => {
  it('fires when its time has come, and not before', async () => {
    const clock = new ManualClock();
    const { signal } = withDeadline(clock, 1_000);
    await clock.pass(999);
    expect(signal.aborted).toBe(false);
    await clock.pass(1);
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('fires with its parent, for the same reason', () => {
    const parent = new AbortController();
    const { signal } = withDeadline(new ManualClock(), 1_000, parent.signal);
    const reason = new Error('stop');
    parent.abort(reason);
    expect(signal.reason).toBe(reason);
  });

  it('has fired when its parent had', () => {
    expect(withDeadline(new ManualClock(), 1_000, AbortSignal.abort()).signal.aborted).toBe(true);
  });

  it('that is cleared neither fires nor leaves a timer', async () => {
    const clock = new ManualClock();
    const parent = new AbortController();
    const { signal, clear } = withDeadline(clock, 1_000, parent.signal);
    clear();
    parent.abort();
    await clock.pass(2_000);
    expect(signal.aborted).toBe(false);
    expect(clock.sleepers).toBe(0);
  });
});

it('an abort is waited for, also when it has been', async () => {
  const stop = new AbortController();
  let isOver = false;
  const over = aborted(stop.signal).then(() => (isOver = true));
  await Promise.resolve();
  expect(isOver).toBe(false);
  stop.abort();
  await over;
  await aborted(stop.signal);
});
