import { alignFields } from './align-fields.ts';
import { wholeText } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import type { ProblemReport } from './problem-report.ts';

/** Spaces that a web page leaves in what is copied from it; some of the documentation's samples have them. */
const foreignSpace = /[\u00a0\u2000-\u200a\u202f\u205f\u3000]/g;

/** `domains: "a.com","b.com"`, as the documentation has it: a field, an item in quotes, more behind commas, a comment. */
const fieldName = /[ \t]*(?:- +)?[A-Za-z][\w-]*:[ \t]+/.source;
const quotedItem = /(?:"[^"\r\n]*"|'[^'\r\n]*')/.source;
const nextItem = `[ \\t]*,[ \\t]*(?:${quotedItem}|[^\\s"',#]+)`;
const quotedItems = new RegExp(`^(${fieldName})(${quotedItem}(?:${nextItem})+[ \\t]*,?)([ \\t]*(?:#.*)?)$`, 'gm');

/**
 * A key's YAML with the slips mended whose meaning is plain, line by line. Foreign spaces are replaced, quoted items in a row
 * joined to one comma list. Fields out of line with their entry are refused, and put in line only to find what else is wrong.
 */
export function mendYaml(whole: LocatedText, isYaml: (text: string) => boolean, report: ProblemReport): LocatedText {
  const spaced = wholeText(whole.source.key, whole.text.replace(foreignSpace, ' '));
  const aligned = alignFields(spaced, report);
  return wholeText(whole.source.key, whole.text, isYaml(aligned) ? aligned : joinQuotedItems(aligned));
}

/** One quoted scalar of the same width, but for the closing quote: what stands in it keeps its column. */
function joinQuotedItems(text: string): string {
  return text.replace(
    quotedItems,
    (_line, head: string, items: string, tail: string) => `${head}"${items.slice(1).replace(/["'\\]/g, ' ')}"${tail}`,
  );
}
