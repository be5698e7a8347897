import type { Config, ConfigProblem, ParsedConfig } from './config.ts';
import { parseDuration } from './duration.ts';
import { unquoted, wholeText } from './located-text.ts';
import type { LocatedText } from './located-text.ts';
import { readServiceAccounts, readWatchNamespaces } from './name-pattern.ts';
import { ProblemReport, quote } from './problem-report.ts';
import type { TextReader } from './problem-report.ts';
import { readRegistryInfo } from './registry-info.ts';
import { reportUnread } from './unread-setting.ts';
import type { UnsupportedSettings } from './unread-setting.ts';
import { readWebhookConfiguration, refuseRrsa } from './webhook-configuration.ts';

const unsupportedKeys: UnsupportedSettings = {
  'notify-email': { consequence: 'the email of the auth entries stays empty', harmless: true },
  'exclude-namespace': { consequence: 'the namespaces would be served all the same', harmless: false },
  'extra-auths': { consequence: 'their registries would be pulled from without credentials', harmless: false },
};

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

  const config: Config = {
    registries: read('acr-registry-info', readRegistryInfo),
    watchNamespaces: read('watch-namespace', readWatchNamespaces),
    serviceAccounts: read('service-account', readServiceAccounts),
    expiringThresholdMs: read('expiring-threshold', readExpiringThreshold),
    acrApiVersion: read('acr-api-version', readAcrApiVersion),
    webhook: read('webhook-configuration', readWebhookConfiguration),
  };
  const hasRegistryInfo = isSet(data, 'acr-registry-info');
  read('acr-registry', hasRegistryInfo ? warnOfReplacedRegistry : refuseRegistryAlone);
  read('rrsa', refuseRrsa);

  const left = Object.keys(data).filter((key) => !known.has(key) && isSet(data, key));
  for (const key of left) reportUnread(wholeText(key, key), known, unsupportedKeys, report);

  const warnings = report.warnings.sort(byPlace);
  if (report.problems.length > 0) return { ok: false, problems: report.problems.sort(byPlace), warnings };
  return { ok: true, config: freeze(config), warnings };
}

/** Far beyond any configuration that means something, and little enough to be read at once. */
const maxTextLength = 131_072;

function textOf(data: Readonly<Record<string, string>>, key: string, report: ProblemReport): LocatedText {
  const text = Object.hasOwn(data, key) ? (data[key] ?? '') : '';
  if (text.length <= maxTextLength) return wholeText(key, text);
  const found = `${text.length} characters, which is more than are read`;
  report.refuse(wholeText(key, ''), found, `at most ${maxTextLength}`);
  return wholeText(key, '');
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

function warnOfReplacedRegistry(text: LocatedText, report: ProblemReport): void {
  if (unquoted(text).text === '') return;
  report.warn(unquoted(text), '`acr-registry`, which `acr-registry-info` replaces', 'nothing in its place');
}

function refuseRegistryAlone(text: LocatedText, report: ProblemReport): void {
  if (unquoted(text).text === '') return;
  const found = '`acr-registry` alone, which this version does not support';
  const fix = '`acr-registry-info` instead, with an entry such as `- instanceId: cri-…` for each instance';
  report.refuse(unquoted(text), found, fix);
}

function byPlace(one: ConfigProblem, other: ConfigProblem): number {
  if (one.key !== other.key) return one.key < other.key ? -1 : 1;
  return one.line - other.line || one.column - other.column;
}

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}
