import { expect, it } from 'vitest';
import { Remembered } from '../src/remembered.ts';

it('what is made of a text is made once, until there are too many texts', () => {
  const remembered = new Remembered<{ text: string }>();
  const of = (text: string) => remembered.of(text, () => ({ text }));
  const first = of('first');
  for (let index = 1; index < 1_000; index++) of(`other ${index}`);
  expect(of('first')).toBe(first);
  of('one too many');
  expect(of('first')).not.toBe(first);
  expect(of('first')).toEqual(first);
});
