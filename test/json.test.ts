import { expect, test } from 'vitest';
import { isRecord, parseJson } from '../src/json.ts';

test('a text is parsed, or is none', () => {
  expect(parseJson('{"a":[1]}')).toEqual({ a: [1] });
  expect(['', '{', 'undefined', 'a'].map(parseJson)).toEqual([undefined, undefined, undefined, undefined]);
});

test('an object is neither a list nor null', () => {
  expect([{}, { a: 1 }].every(isRecord)).toBe(true);
  expect([[], null, undefined, 'a', 1, true].some(isRecord)).toBe(false);
});
