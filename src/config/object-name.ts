import { separators } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { isShownWhole, quote, verbatim } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

/** What a kind of object may be called: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/. */
export interface NameRule {
  /** What the names are names of. */
  readonly kind: string;
  readonly valid: RegExp;
  readonly maxLength: number;
  /** How one writes "every name", where that can be written. */
  readonly all?: string;
  /** May what stands there instead be said? In the place of a Secret's name may be the secret. */
  readonly isShown: boolean;
}

const label = /[a-z0-9](?:[-a-z0-9]*[a-z0-9])?/.source;
const subdomain = new RegExp(`^${label}(?:\\.${label})*$`);

export const namespaceRule: NameRule = {
  kind: 'Namespace',
  valid: new RegExp(`^${label}$`),
  maxLength: 63,
  all: 'all',
  isShown: true,
};
export const serviceAccountRule: NameRule = {
  kind: 'ServiceAccount',
  valid: subdomain,
  maxLength: 253,
  all: '*',
  isShown: true,
};
export const secretRule: NameRule = { kind: 'Secret', valid: subdomain, maxLength: 253, isShown: false };
export const configMapRule: NameRule = { ...secretRule, kind: 'ConfigMap' };

/** Names, each once. */
export function readNames(items: readonly LocatedText[], rule: NameRule, report: ProblemReport): string[] {
  return [...new Set(items.map((item) => readName(item, rule, report)))];
}

export function readName(item: LocatedText, rule: NameRule, report: ProblemReport): string {
  if (!isName(item.text, rule)) {
    const found = rule.isShown ? `${quote(item.text)}, which is` : 'a value that is';
    report.refuse(item, `${found} not a ${rule.kind}'s name`, suggest(item.text, rule));
  }
  return item.text;
}

export function isName(name: string, { valid, maxLength }: NameRule): boolean {
  return name.length <= maxLength && valid.test(name);
}

function suggest(text: string, rule: NameRule): string {
  const names = text.toLowerCase().split(separators);
  if (rule.all !== undefined && (text.toLowerCase() === 'all' || text === '*')) return verbatim(rule.all);
  const isPlain = rule.isShown && isShownWhole(text);
  if (isPlain && names.every((name) => isName(name, rule))) return verbatim(names.join(','));
  const orAll = rule.all === undefined ? '' : `, or \`${rule.all}\` for every ${rule.kind}`;
  return `names of lower-case letters, digits and \`-\`, parted by commas${orAll}`;
}
