import { describe, expect, test } from 'vitest';
import { SingleFlight } from '../src/single-flight.ts';

const signal = new AbortController().signal;

/** A start that ends when the test says so. */
function startedByHand() {
  const starts: { resolve: (value: string) => void; reject: (error: Error) => void; signal: AbortSignal }[] = [];
  const start = (startSignal: AbortSignal) =>
    new Promise<string>((resolve, reject) => starts.push({ resolve, reject, signal: startSignal }));
  return { start, starts };
}

describe('those who ask at the same time', () => {
  test('get the answer of one start, and the next one starts anew', async () => {
    const { start, starts } = startedByHand();
    const flight = new SingleFlight<string>();
    const both = Promise.all([flight.run(start, signal), flight.run(start, signal)]);
    starts[0]?.resolve('first');
    expect(await both).toEqual(['first', 'first']);
    const later = flight.run(start, signal);
    starts[1]?.resolve('second');
    expect(await later).toBe('second');
    expect(starts).toHaveLength(2);
  });

  test('make it idle when they have their answer, or have gone', async () => {
    const { start, starts } = startedByHand();
    const flight = new SingleFlight<string>();
    expect(flight.isIdle).toBe(true);
    const leaving = new AbortController();
    const left = flight.run(start, leaving.signal);
    expect(flight.isIdle).toBe(false);
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(flight.isIdle).toBe(true);
    const stays = flight.run(start, signal);
    starts[1]?.resolve('answer');
    await stays;
    expect(flight.isIdle).toBe(true);
  });

  test('get the error of one start', async () => {
    const { start, starts } = startedByHand();
    const flight = new SingleFlight<string>();
    const both = [flight.run(start, signal), flight.run(start, signal)];
    starts[0]?.reject(new Error('no'));
    expect(await Promise.allSettled(both)).toMatchObject([
      { reason: { message: 'no' } },
      { reason: { message: 'no' } },
    ]);
    expect(starts).toHaveLength(1);
  });
});

describe('whoever gives up', () => {
  test('gets his own reason at once, and the others their answer', async () => {
    const { start, starts } = startedByHand();
    const flight = new SingleFlight<string>();
    const giveUp = new AbortController();
    const [patient, impatient] = [flight.run(start, signal), flight.run(start, giveUp.signal)];
    giveUp.abort(new Error('shutting down'));
    await expect(impatient).rejects.toThrow('shutting down');
    expect(starts[0]?.signal.aborted).toBe(false);
    starts[0]?.resolve('answer');
    expect(await patient).toBe('answer');
  });

  test('as the last one ends it, so that the next one starts anew', async () => {
    const { start, starts } = startedByHand();
    const flight = new SingleFlight<string>();
    const giveUp = new AbortController();
    const asked = flight.run(start, giveUp.signal);
    giveUp.abort(new Error('shutting down'));
    await expect(asked).rejects.toThrow('shutting down');
    expect(starts[0]?.signal.aborted).toBe(true);
    const next = flight.run(start, signal);
    starts[0]?.reject(new Error('aborted'));
    starts[1]?.resolve('answer');
    expect(await next).toBe('answer');
  });

  test('before he asks starts nothing', async () => {
    const { start, starts } = startedByHand();
    await expect(new SingleFlight<string>().run(start, AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
    expect(starts).toHaveLength(0);
  });
});
