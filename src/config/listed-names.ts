import { commaList } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import type { ProblemReport } from './problem-report.ts';

/** The items of a key that is a comma list. Brackets belong to a list of YAML or to JSON: of that nothing is said, for it may hold a login. */
export function listedNames(text: LocatedText, report: ProblemReport): LocatedText[] {
  if (!/[{}[\]]/.test(text.text)) return commaList(text);
  report.refuse(text, 'brackets, which belong to no comma list', 'the bare names, parted by commas');
  return [];
}
