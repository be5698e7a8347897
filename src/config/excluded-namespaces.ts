import { listedNames } from './listed-names.ts';
import { separators } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { isShownWhole, quote, verbatim } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

const maxLength = 63;
const globForm = /^(?:[a-z0-9*](?:[-a-z0-9*]*[a-z0-9*])?)$/;

/** `exclude-namespace`: a comma list of names and globs, in which `*` stands for any characters; by default none. */
export function readExcludedNamespaces(text: LocatedText, report: ProblemReport): readonly string[] {
  return [...new Set(listedNames(text, report).map((item) => readGlob(item, report)))];
}

function readGlob(item: LocatedText, report: ProblemReport): string {
  if (!isGlob(item.text)) {
    const globs = item.text.toLowerCase().split(separators);
    const fix =
      globs.every(isGlob) && isShownWhole(item.text)
        ? verbatim(globs.join(','))
        : 'names of lower-case letters, digits and `-`, with `*` for any characters, parted by commas';
    report.refuse(item, `${quote(item.text)}, which is not a Namespace's name, nor a glob of one`, fix);
  } else if (/^\*+$/.test(item.text)) {
    report.warn(item, `${quote(item.text)}, which leaves no namespace to serve`, 'a narrower glob, such as `test-*`');
  }
  return item.text;
}

function isGlob(text: string): boolean {
  return text.length <= maxLength && globForm.test(text);
}
