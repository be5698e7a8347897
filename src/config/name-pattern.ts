import type { NamePattern } from './config.ts';
import { commaList, separators } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

interface NameRule {
  /** What the names are names of. */
  readonly kind: string;
  readonly valid: RegExp;
  readonly maxLength: number;
  /** How one writes "every name". */
  readonly all: string;
}

/** A DNS label and a DNS subdomain, https://kubernetes.io/docs/concepts/overview/working-with-objects/names/. */
const namespaceRule: NameRule = {
  kind: 'Namespace',
  valid: /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/,
  maxLength: 63,
  all: 'all',
};
const serviceAccountRule: NameRule = {
  kind: 'ServiceAccount',
  valid: /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/,
  maxLength: 253,
  all: '*',
};

/** `watch-namespace`: a comma list, or `all` in any case; by default the namespace `default`. */
export function readWatchNamespaces(text: LocatedText, report: ProblemReport): NamePattern {
  const items = commaList(text);
  const all = items.find((item) => item.text.toLowerCase() === 'all');
  if (all === undefined) return readNames(items, namespaceRule, report);
  // A namespace may be called `all`: in a list it is not plain what is meant, and a guess would widen the rights.
  if (items.length > 1) report.refuse(all, `${quote(all.text)} beside other names`, '`all` alone, or the names alone');
  return 'all';
}

/** `service-account`: a comma list, or `*`; by default the ServiceAccount `default`. */
export function readServiceAccounts(text: LocatedText, report: ProblemReport): NamePattern {
  const items = commaList(text);
  if (items.some((item) => item.text === '*')) return 'all';
  const all = items.find((item) => item.text === 'all');
  if (all !== undefined)
    report.warn(all, 'the ServiceAccount of the name `all`', '`*` if every ServiceAccount is meant');
  return readNames(items, serviceAccountRule, report);
}

function readNames(items: readonly LocatedText[], rule: NameRule, report: ProblemReport): readonly string[] {
  if (items.length === 0) return ['default'];
  return [...new Set(items.map((item) => readName(item, rule, report)))];
}

function readName(item: LocatedText, rule: NameRule, report: ProblemReport): string {
  // The official documentation gives the default as `Default`.
  if (item.text === 'Default') return 'default';
  if (!isValid(item.text, rule)) {
    report.refuse(item, `${quote(item.text)}, which is not a ${rule.kind}'s name`, suggest(item.text, rule));
  }
  return item.text;
}

function isValid(name: string, { valid, maxLength }: NameRule): boolean {
  return name.length <= maxLength && valid.test(name);
}

function suggest(text: string, rule: NameRule): string {
  const names = text.toLowerCase().split(separators);
  if (text.toLowerCase() === 'all' || text === '*') return quote(rule.all);
  if (names.every((name) => isValid(name, rule))) return quote(names.join(','));
  return `names of lower-case letters, digits and \`-\`, parted by commas, or \`${rule.all}\` for every ${rule.kind}`;
}
