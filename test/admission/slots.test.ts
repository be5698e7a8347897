import { describe, expect, it } from 'vitest';
import { Slots } from '../../src/admission/slots.ts';

const never = new AbortController().signal;

/** Works that end when the test says so. */
function worksByHand() {
  const begun: { name: string; end: () => void }[] = [];
  const work = (name: string) => () => new Promise<void>((end) => begun.push({ name, end }));
  return { begun, work };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('slots', () => {
  it('let so many work at once, and the next in the order in which they came', async () => {
    const slots = new Slots(2);
    const { begun, work } = worksByHand();
    const all = ['a', 'b', 'c', 'd'].map((name) => slots.run(work(name), never));
    expect(begun.map(({ name }) => name)).toEqual(['a', 'b']);
    begun[1]?.end();
    await settled();
    expect(begun.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    begun[0]?.end();
    begun[2]?.end();
    await settled();
    begun[3]?.end();
    await Promise.all(all);
  });

  it('are free again after a work that failed', async () => {
    const slots = new Slots(1);
    await expect(slots.run(() => Promise.reject(new Error('failed')), never)).rejects.toThrow('failed');
    expect(await slots.run(() => Promise.resolve('done'), never)).toBe('done');
  });

  it('pass over those who gave up while they stood in line', async () => {
    const slots = new Slots(1);
    const { begun, work } = worksByHand();
    const leaving = new AbortController();
    const first = slots.run(work('a'), never);
    const second = slots.run(work('b'), leaving.signal);
    const third = slots.run(work('c'), never);
    leaving.abort(new Error('left'));
    begun[0]?.end();
    await expect(second).rejects.toThrow('left');
    expect(begun.map(({ name }) => name)).toEqual(['a', 'c']);
    begun[1]?.end();
    await Promise.all([first, third]);
  });
});
