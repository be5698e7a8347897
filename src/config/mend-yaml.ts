import { alignFields } from './align-fields.ts';
import { joinQuotedItems } from './join-quoted-items.ts';
import { wholeText } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import type { ProblemReport } from './problem-report.ts';

/** Spaces that a web page leaves in what is copied from it; some of the documentation's samples have them. */
const foreignSpace = /[\u00a0\u2000-\u200a\u202f\u205f\u3000]/g;

/**
 * A key's YAML with the slips mended whose meaning is plain, line by line. Foreign spaces are replaced, quoted items in a row
 * joined to one comma list. Fields out of line with their entry are refused, and put in line only to find what else is wrong.
 */
export function mendYaml(whole: LocatedText, isYaml: (text: string) => boolean, report: ProblemReport): LocatedText {
  const spaced = wholeText(whole.source.key, whole.text.replace(foreignSpace, ' '));
  const aligned = alignFields(spaced, report);
  const mended = isYaml(aligned) ? aligned : aligned.replace(/[^\r\n]+/g, joinQuotedItems);
  return wholeText(whole.source.key, whole.text, mended);
}
