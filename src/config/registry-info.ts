import { isRegionId } from '../region-id.ts';
import { refuseTooManyAccounts } from './account-limit.ts';
import { readEntryIdentity } from './entry-identity.ts';
import type { NamePattern } from './config.ts';
import { identityFields } from './field-names.ts';
import { FieldReader } from './field-reader.ts';
import type { LocatedText } from './located-text.ts';
import { readNamespacePattern } from './name-pattern.ts';
import { isShownWhole, quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';
import { readDomain } from './registry-domain.ts';
import { fingerprint } from './registry-entry-key.ts';
import type { UnkeyedEntry } from './registry-entry-key.ts';
import { readYaml } from './yaml-node.ts';
import type { YamlNode } from './yaml-node.ts';

const shape = 'a list of entries such as `- instanceId: cri-…`, their other fields below it in the same column';

/** Those that say for whom a token is, and as whom it is asked for. */
const decisiveFields: ReadonlySet<string> = new Set([...identityFields, 'namespaces']);

/** What other keys say that matters here. */
export interface RegistryContext {
  rrsaEnabled: boolean;
  watchNamespaces: NamePattern;
}

/** `acr-registry-info`: a YAML or JSON list of instances; by default none. */
export function readRegistryInfo(text: LocatedText, context: RegistryContext, report: ProblemReport): UnkeyedEntry[] {
  const root = readYaml(text, report, shape);
  if (root === undefined) return [];
  const entries = new Map<string, { entry: UnkeyedEntry; at: LocatedText }>();
  for (const node of entryNodes(root, report)) {
    for (const entry of readEntry(node, context, report)) {
      const print = fingerprint(entry);
      if (entries.has(print)) report.warn(node.at, 'an entry that is listed already', 'it once');
      else entries.set(print, { entry, at: node.at });
    }
  }
  refuseTooManyAccounts([...entries.values()], report);
  return [...entries.values()].map(({ entry }) => entry);
}

function entryNodes(root: YamlNode, report: ProblemReport): readonly YamlNode[] {
  if (root.kind === 'sequence') return root.items;
  if (root.kind === 'scalar' && root.at.text.trim() === '') return [];
  const found = root.kind === 'mapping' ? 'an entry that is in no list' : 'text that is not a list of entries';
  report.refuse(root.at, found, shape);
  return [];
}

function readEntry(node: YamlNode, context: RegistryContext, report: ProblemReport): UnkeyedEntry[] {
  if (node.kind !== 'mapping') {
    report.refuse(node.at, node.kind === 'sequence' ? 'a list inside the list' : 'an entry without fields', shape);
    return [];
  }
  const fields = new FieldReader(node, report);
  const instanceIds = readInstanceIds(fields.items('instanceId'), report);
  const regionId = fields.read('regionId', readRegionId);
  const domains = [...new Set(fields.items('domains').map((item) => readDomain(item, report)))];
  const identity = readEntryIdentity(fields, context.rrsaEnabled, report);
  const namespaces = readTargets(fields.items('namespaces'), context, report);
  fields.finish(decisiveFields);

  const entry = {
    ...(regionId !== undefined && { regionId }),
    domains,
    ...identity,
    ...(namespaces !== 'all' && { namespaces }),
  };
  return instanceIds.length === 0 ? [entry] : instanceIds.map((instanceId) => ({ instanceId, ...entry }));
}

/** The namespaces that the token is for; by default every target. */
function readTargets(
  items: readonly LocatedText[],
  { watchNamespaces }: RegistryContext,
  report: ProblemReport,
): NamePattern {
  const namespaces = readNamespacePattern(items, report) ?? 'all';
  if (namespaces === 'all' || watchNamespaces === 'all') return namespaces;
  for (const item of items) {
    if (watchNamespaces.includes(item.text)) continue;
    report.warn(item, `${quote(item.text)}, which is no target`, 'it into `watch-namespace` as well');
  }
  return namespaces;
}

/** Each has all the domains of its entry, so that a text could stand for a thousand times its length. */
const maxInstanceIds = 50;

function readInstanceIds(items: readonly LocatedText[], report: ProblemReport): string[] {
  const tooMany = items[maxInstanceIds];
  if (tooMany) report.refuse(tooMany, `more than ${maxInstanceIds} instances in one entry`, 'further entries for them');
  return items.slice(0, maxInstanceIds).map((item) => readInstanceId(item, report));
}

const instanceIdForm = /^[A-Za-z0-9](?:[\w-]{0,61}[A-Za-z0-9])?$/;

function readInstanceId(item: LocatedText, report: ProblemReport): string {
  if (!instanceIdForm.test(item.text)) {
    const fix = 'the ID that the Container Registry console shows, such as `cri-…`, or `""` for the Personal Edition';
    report.refuse(item, `${quote(item.text)}, which is not an instance's ID`, fix);
  }
  return item.text;
}

function readRegionId(text: LocatedText, report: ProblemReport): string | undefined {
  if (text.text === '') return undefined;
  if (!isRegionId(text.text)) {
    const guess = text.text.toLowerCase().replace(/[\s_]+/g, '-');
    const fix = isRegionId(guess) && isShownWhole(text.text) ? quote(guess) : 'one region ID such as `cn-hangzhou`';
    report.refuse(text, `${quote(text.text)}, which is not a region's ID`, fix);
  }
  return text.text;
}
