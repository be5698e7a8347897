import { isFieldName, isPlainField, sayField } from './field-names.ts';
import { lineBreak, part } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { isShownWhole, verbatim } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

/**
 * `- name: value` or `name: value`, of block style: indentation, dash, name, value. What stands further in is meant for no field;
 * to put many lines in line with it would make a text without end.
 */
const fieldLine = /^([ \t]{0,100})(- {1,100})?([A-Za-z][\w-]*)[ \t]*:(?:[ \t]([^]*))?$/;
const dashLine = /^([ \t]{0,100})-(?:[ \t]|$)/;
const blankLine = /^\s*(?:#.*)?$/;
const commentStart = /(?:^|[ \t])#/;
const flowStart = /^\s*[[{]/;
/** What follows on deeper lines belongs to the field: a list, a mapping or a text of several lines. */
const openValue = /^(?:[|>][-+\d]*[ \t]*)?(?:#.*)?$/;

/**
 * Reports the fields that do not begin in the column of their entry's first field, and the entries that do not begin in that of
 * the first entry, with the line as it ought to be; returns the text with those lines put right.
 */
export function alignFields(whole: LocatedText, report: ProblemReport): string {
  const firstLine = whole.source.lines.find((line) => !blankLine.test(line)) ?? '';
  if (flowStart.test(firstLine)) return whole.text;
  const aligner = new FieldAligner(whole, report);
  const breaks = whole.text.match(lineBreak) ?? [];
  return whole.source.lines.map((line, index) => aligner.align(line, index) + (breaks[index] ?? '')).join('');
}

interface Line {
  readonly index: number;
  readonly indent: string;
  readonly content: string;
  readonly name: string;
  readonly value: string;
}

class FieldAligner {
  readonly #whole: LocatedText;
  readonly #report: ProblemReport;
  /** 0-based, as all columns here: where the first entry's dash stands. */
  #dashColumn: number | undefined;
  /** The first field of the entry that is being read; `shift` is how far the entry was moved. */
  #entry: { name: string; index: number; column: number; shift: number } | undefined;
  /** Deeper lines than this belong to the value of the field before. */
  #openColumn = Number.POSITIVE_INFINITY;

  constructor(whole: LocatedText, report: ProblemReport) {
    this.#whole = whole;
    this.#report = report;
  }

  align(text: string, index: number): string {
    const [, indent, dash = '', name, value = ''] = fieldLine.exec(text) ?? dashLine.exec(text) ?? [];
    if (indent === undefined || indent.length > this.#openColumn) return this.#moved(text);
    if (name === undefined) {
      this.#entry = undefined;
      this.#openColumn = indent.length;
      return text;
    }
    this.#openColumn = openValue.test(value.trim()) ? indent.length + dash.length : Number.POSITIVE_INFINITY;
    const line = { index, indent, content: text.slice(indent.length), name, value };
    return dash === '' ? this.#alignField(line) : this.#alignEntry(line, dash.length);
  }

  #alignEntry(line: Line, dashWidth: number): string {
    const { index, indent, content, name } = line;
    this.#dashColumn ??= indent.length;
    const shift = this.#dashColumn - indent.length;
    this.#entry = { name, index, column: indent.length + dashWidth, shift };
    if (shift !== 0 || indent.includes('\t')) {
      const first = `where the first begins in column ${this.#dashColumn + 1}`;
      this.#refuse(line, `an entry that begins in column ${indent.length + 1}, ${first}`, this.#dashColumn);
    }
    return ' '.repeat(this.#dashColumn) + content;
  }

  #alignField(line: Line): string {
    const { index, indent, content, name } = line;
    this.#entry ??= { name, index, column: indent.length, shift: 0 };
    const { column, shift } = this.#entry;
    if (indent.length !== column || indent.includes('\t')) {
      const place = indent.includes('\t') ? 'behind a tab' : `in column ${indent.length + 1}`;
      const first = `where ${sayField(this.#entry.name)} in line ${this.#entry.index + 1} begins in column ${column + 1}`;
      this.#refuse(line, `${sayField(name)} ${place}, ${first}`, column + shift);
    }
    return ' '.repeat(column + shift) + content;
  }

  /** A line that is no field of its own goes with its entry. */
  #moved(text: string): string {
    const shift = this.#entry?.shift ?? 0;
    if (shift >= 0) return text.trim() === '' ? text : ' '.repeat(shift) + text;
    return text.replace(new RegExp(`^ {0,${-shift}}`), '');
  }

  #refuse(line: Line, found: string, column: number): void {
    const { index, indent, content } = line;
    const start = (this.#whole.source.lineStarts[index] ?? 0) + indent.length;
    const fix = verbatim(' '.repeat(column) + shownOf(line));
    this.#report.refuse(part(this.#whole, start, start + content.length), found, fix);
  }
}

/** A line without what may be a secret, as a comment may be, too. */
function shownOf({ content, name, value }: Line): string {
  if (!isFieldName(name)) return content.startsWith('-') ? '- …' : '…';
  const start = content.slice(0, content.indexOf(':') + 1);
  const [given = '', ...comment] = value.split(commentStart);
  const isShown = isPlainField(name) && isShownWhole(given.replace(/["']/g, ''));
  const shown = isShown ? given.trim() : '…';
  return [start, shown, ...comment.slice(0, 1).map(() => '# …')].filter((text) => text !== '').join(' ');
}
