import type { Config, ConfigProblem, ParsedConfig } from './config.ts';
import { parseDuration } from './duration.ts';
import { readExtraAuths } from './extra-auths.ts';
import { unquoted, wholeText } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { readServiceAccounts, readWatchNamespaces } from './name-pattern.ts';
import { readExcludedNamespaces } from './excluded-namespaces.ts';
import { readNotifyEmail } from './notify-email.ts';
import { ProblemReport, quote } from './problem-report.ts';
import type { TextReader } from './problem-report.ts';
import { keyEntries } from './registry-entry-key.ts';
import type { UnkeyedEntry } from './registry-entry-key.ts';
import { readRegistryGlobs } from './registry-globs.ts';
import { readRegistryInfo } from './registry-info.ts';
import { readRrsa } from './rrsa.ts';
import { reportUnread } from './unread-setting.ts';
import { readWebhookConfiguration } from './webhook-configuration.ts';

/**
 * The configuration that the data of the ConfigMap `kube-system/acr-configuration` holds, deeply frozen, or everything that
 * stands in its way. An absent key is read as an empty text, which every reader takes for its default.
 */
export function parseConfig(data: Readonly<Record<string, string>>): ParsedConfig {
  const report = new ProblemReport();
  const known = new Set<string>();
  const read = <Value>(key: string, reader: TextReader<Value>): Value => {
    known.add(key);
    return reader(textOf(data, key, report), report);
  };

  const rrsaEnabled = read('rrsa', readRrsa);
  const watchNamespaces = read('watch-namespace', readWatchNamespaces);
  const context = { rrsaEnabled, watchNamespaces };
  const listed = read('acr-registry-info', (text) => readRegistryInfo(text, context, report));
  const isReplaced = listed.length > 0 || report.problems.some(({ key }) => key === 'acr-registry-info');
  const older = read('acr-registry', isReplaced ? warnOfReplacedRegistry : readRegistryGlobs);
  const entries = [...listed, ...older];
  const personalByDefault = entries.length === 0;
  const notifyEmail = read('notify-email', readNotifyEmail);
  const config: Config = {
    registries: keyEntries(personalByDefault ? [{ domains: [] }] : entries),
    watchNamespaces,
    excludeNamespaces: read('exclude-namespace', readExcludedNamespaces),
    serviceAccounts: read('service-account', readServiceAccounts),
    expiringThresholdMs: read('expiring-threshold', readExpiringThreshold),
    acrApiVersion: read('acr-api-version', readAcrApiVersion),
    ...(notifyEmail !== undefined && { notifyEmail }),
    extraAuths: read('extra-auths', readExtraAuths),
    rrsaEnabled,
    webhook: read('webhook-configuration', readWebhookConfiguration),
  };
  const left = Object.keys(data).filter((key) => !known.has(key) && isSet(data, key));
  for (const key of left) {
    reportUnread({ name: wholeText(key, key), isEmpty: false, said: quote(key) }, known, report, decisiveKeys);
  }
  refuseTooMuch(data, known, report);

  const warnings = report.warnings.sort(byPlace);
  if (report.problems.length > 0) return { ok: false, problems: report.problems.sort(byPlace), warnings };
  return { ok: true, config: freeze(config), warnings, personalByDefault };
}

/** Those that say for whom and as whom tokens are asked, and of which registry. */
const decisiveKeys: ReadonlySet<string> = new Set([
  ...['acr-registry-info', 'acr-registry', 'extra-auths', 'rrsa'],
  ...['watch-namespace', 'exclude-namespace', 'service-account', 'webhook-configuration'],
]);

/** Far beyond any configuration that means something, and little enough to be read at once. */
const maxTextLength = 131_072;

function textOf(data: Readonly<Record<string, string>>, key: string, report: ProblemReport): LocatedText {
  const text = Object.hasOwn(data, key) ? (data[key] ?? '') : '';
  if (text.length <= maxTextLength) return wholeText(key, text);
  const found = `${text.length} characters, which is more than are read`;
  report.refuse(wholeText(key, ''), found, `at most ${maxTextLength}`);
  return wholeText(key, '');
}

/** In bytes: it is kept in a Secret beside the tokens, which has 1 MiB in all, and base64 makes it a third longer. */
const maxSize = 524_288;

function refuseTooMuch(
  data: Readonly<Record<string, string>>,
  known: ReadonlySet<string>,
  report: ProblemReport,
): void {
  const sizes = [...known].map((key) => ({
    key,
    size: Object.hasOwn(data, key) ? Buffer.byteLength(data[key] ?? '') : 0,
  }));
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  if (total <= maxSize) return;
  const { key } = sizes.reduce((one, other) => (other.size > one.size ? other : one));
  report.refuse(wholeText(key, ''), `the most of ${total} bytes in all keys together`, `at most ${maxSize} in all`);
}

function isSet(data: Readonly<Record<string, string>>, key: string): boolean {
  return Object.hasOwn(data, key) && (data[key] ?? '').trim() !== '';
}

const defaultExpiringThresholdMs = 900_000;
const minExpiringThresholdMs = 1_000;

function readExpiringThreshold(whole: LocatedText, report: ProblemReport): number {
  const text = unquoted(whole);
  if (text.text === '') return defaultExpiringThresholdMs;
  const thresholdMs = parseDuration(text.text) ?? Number.NaN;
  if (thresholdMs >= minExpiringThresholdMs) return thresholdMs;
  const fix = /^\d{1,9}$/.test(text.text)
    ? `a unit too: \`${text.text}m\` or \`${text.text}s\``
    : 'a duration such as `15m`';
  report.refuse(text, `${quote(text.text)}, which is no duration of a second or more`, fix);
  return defaultExpiringThresholdMs;
}

const defaultAcrApiVersion = '2018-12-01';

function readAcrApiVersion(whole: LocatedText, report: ProblemReport): string {
  const text = unquoted(whole);
  if (text.text === '') return defaultAcrApiVersion;
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text.text)) {
    report.refuse(text, `${quote(text.text)}, which is not an API version`, quote(defaultAcrApiVersion));
  } else if (text.text !== defaultAcrApiVersion) {
    report.warn(text, `${quote(text.text)}, which may not know Enterprise instances`, quote(defaultAcrApiVersion));
  }
  return text.text;
}

function warnOfReplacedRegistry(text: LocatedText, report: ProblemReport): UnkeyedEntry[] {
  const at = unquoted(text);
  if (at.text !== '') report.warn(at, '`acr-registry`, which `acr-registry-info` replaces', 'nothing in its place');
  return [];
}

function byPlace(one: ConfigProblem, other: ConfigProblem): number {
  if (one.key !== other.key) return one.key < other.key ? -1 : 1;
  return one.line - other.line || one.column - other.column;
}

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}
