import { listedNames } from './listed-names.ts';
import type { LocatedText } from './located-text.ts';
import { readNames, secretRule } from './object-name.ts';
import type { ProblemReport } from './problem-report.ts';

/** `extra-auths`: a comma list of the names of dockerconfigjson Secrets of the own namespace; by default none. */
export function readExtraAuths(text: LocatedText, report: ProblemReport): readonly string[] {
  return readNames(listedNames(text, report), secretRule, report);
}
