import type { NamePattern } from './config.ts';
import { listedNames } from './listed-names.ts';
import type { LocatedText } from './located-text.ts';
import { namespaceRule, readNames, serviceAccountRule, type NameRule } from './object-name.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

/** `watch-namespace`: a comma list, or `all` in any case; by default the namespace `default`. */
export function readWatchNamespaces(text: LocatedText, report: ProblemReport): NamePattern {
  return readNamespacePattern(listedNames(text, report), report) ?? ['default'];
}

/** Namespaces by their names, or `all`; undefined when nothing is listed. */
export function readNamespacePattern(items: readonly LocatedText[], report: ProblemReport): NamePattern | undefined {
  const all = items.find((item) => item.text.toLowerCase() === 'all');
  if (all === undefined) return readListed(items, namespaceRule, report);
  // A namespace may be called `all`: in a list it is not plain what is meant, and a guess would widen the rights.
  if (items.length > 1) report.refuse(all, `${quote(all.text)} beside other names`, '`all` alone, or the names alone');
  return 'all';
}

/** `service-account`: a comma list, or `*`; by default the ServiceAccount `default`. */
export function readServiceAccounts(text: LocatedText, report: ProblemReport): NamePattern {
  const items = listedNames(text, report);
  if (items.some((item) => item.text === '*')) return 'all';
  const all = items.find((item) => item.text === 'all');
  if (all !== undefined)
    report.warn(all, 'the ServiceAccount of the name `all`', '`*` if every ServiceAccount is meant');
  return readListed(items, serviceAccountRule, report) ?? ['default'];
}

function readListed(items: readonly LocatedText[], rule: NameRule, report: ProblemReport): string[] | undefined {
  if (items.length === 0) return undefined;
  // The official documentation gives the default as `Default`.
  const named = items.map((item) => (item.text === 'Default' ? { ...item, text: 'default' } : item));
  return readNames(named, rule, report);
}
