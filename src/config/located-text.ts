/** The line breaks of YAML 1.2. */
export const lineBreak = /\r\n|\r|\n/g;

/** What people write between names where a comma belongs. */
export const separators = /[\s;；，、|]+/;

const quoted = /^(?:".*"|'.*'|“.*”|‘.*’)$/s;

/** The text of one key of the ConfigMap's data. */
export interface SourceText {
  readonly key: string;
  /** What is parsed: the text as written, or with slips mended (`mend-yaml.ts`). */
  readonly text: string;
  /** The lines as written. A mended line may differ from them in its indentation and in its end. */
  readonly writtenLines: readonly string[];
  readonly lines: readonly string[];
  /** The offset in `text` at which each line begins. */
  readonly lineStarts: readonly number[];
  /** The offset behind the last character that is not blank. */
  readonly end: number;
}

/** A piece of a key's text that knows where it stands. */
export interface LocatedText {
  readonly source: SourceText;
  readonly text: string;
  /** In the source's text. */
  readonly offset: number;
  /** The source holds exactly this text at that offset: false where quoting, escapes or folding come between. */
  readonly verbatim: boolean;
}

/** 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The whole text of a key; `text` differs from `written` where slips were mended, line by line. */
export function wholeText(key: string, written: string, text = written): LocatedText {
  const lineStarts = [0, ...Array.from(text.matchAll(lineBreak), (found) => found.index + found[0].length)];
  const source = {
    key,
    text,
    writtenLines: written.split(lineBreak),
    lines: text.split(lineBreak),
    lineStarts,
    end: text.trimEnd().length,
  };
  return { source, text, offset: 0, verbatim: true };
}

/** The characters from `start` up to `end` of a piece. */
export function part(whole: LocatedText, start: number, end: number): LocatedText {
  return { ...whole, text: whole.text.slice(start, end), offset: whole.verbatim ? whole.offset + start : whole.offset };
}

/** A piece without the blanks around it. */
export function trimmed(whole: LocatedText): LocatedText {
  const start = whole.text.length - whole.text.trimStart().length;
  return part(whole, start, Math.max(start, whole.text.trimEnd().length));
}

/** The items of a comma list, without blanks, quotes and empty items. */
export function commaList(whole: LocatedText): LocatedText[] {
  const items: LocatedText[] = [];
  let start = 0;
  for (const item of whole.text.split(',')) {
    items.push(unquoted(part(whole, start, start + item.length)));
    start += item.length + 1;
  }
  return items.filter(({ text }) => text !== '');
}

/** A piece without the blanks and the pair of quotes around it, typographic ones included, as the documentation prints `“*”`. */
export function unquoted(whole: LocatedText): LocatedText {
  const inner = trimmed(whole);
  return quoted.test(inner.text) ? trimmed(part(inner, 1, inner.text.length - 1)) : inner;
}

/** Where a piece begins in the text as it was written. */
export function positionOf({ source, offset }: LocatedText): Position {
  // An error at the very end is shown behind the last character, not on an empty line below it.
  const shown = Math.min(offset, source.end);
  const line = lineAt(source.lineStarts, shown);
  const written = source.writtenLines[line] ?? '';
  const moved = indentOf(source.lines[line] ?? '') - indentOf(written);
  const column = shown - (source.lineStarts[line] ?? 0) - moved;
  return { line: line + 1, column: Math.max(0, Math.min(column, written.length)) + 1 };
}

/** Which of the sorted line starts is the last one up to an offset. */
function lineAt(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
