import { expect, test } from 'vitest';
import { commaList, part, positionOf, trimmed, unquoted, wholeText } from '../../src/config/located-text.ts';

const place = (text: string, offset: number, mended?: string) => {
  const { line, column } = positionOf(part(wholeText('key', text, mended), offset, offset));
  return `${line}:${column}`;
};

test('positions count lines and columns from one, whatever ends a line', () => {
  const text = 'ab\r\ncd\ref\ngh';
  expect([0, 1, 4, 7, 10, 11].map((offset) => place(text, offset))).toEqual(['1:1', '1:2', '2:1', '3:1', '4:1', '4:2']);
});

test('a position behind the end is shown behind the last character', () => {
  expect([place('[a, b\n\n', 7), place('', 0), place('\n\n', 2)]).toEqual(['1:6', '1:1', '1:1']);
});

test('positions in a mended text are those of the text as it was written', () => {
  const written = '- a: 1\n    b: 2';
  const mended = '- a: 1\n  b: 2';
  expect(place(written, mended.indexOf('b'), mended)).toBe('2:5');
  expect(place(written, mended.indexOf('2'), mended)).toBe('2:8');
});

test('the items of a comma list know where they stand', () => {
  const items = commaList(wholeText('key', ' a ,"b" ,,\n“*”,'));
  const places = items.map((item) => ({ text: item.text, ...positionOf(item) }));
  expect(places).toEqual([
    { text: 'a', line: 1, column: 2 },
    { text: 'b', line: 1, column: 6 },
    { text: '*', line: 2, column: 2 },
  ]);
});

test('quotes are taken off in pairs only', () => {
  const texts = ['"a"', "'a'", '"a', '"', '""', '" a "'].map((text) => unquoted(wholeText('key', text)).text);
  expect(texts).toEqual(['a', 'a', '"a', '"', '', 'a']);
});

test('a text of blanks is trimmed to nothing', () => {
  expect(trimmed(wholeText('key', ' \n ')).text).toBe('');
});
