import type { RegistryEntry } from './config.ts';
import { FieldReader } from './field-reader.ts';
import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';
import { readDomain } from './registry-domain.ts';
import { fingerprint, keyEntries } from './registry-entry-key.ts';
import type { UnkeyedEntry } from './registry-entry-key.ts';
import type { UnsupportedSettings } from './unread-setting.ts';
import { readYaml } from './yaml-node.ts';
import type { YamlNode } from './yaml-node.ts';

const shape = 'a list of entries such as `- instanceId: cri-…`, their other fields below it in the same column';

const otherIdentity = { consequence: 'the token would be asked for with another identity', harmless: false };

const unsupportedFields: UnsupportedSettings = {
  assumeRoleARN: otherIdentity,
  expireDuration: { consequence: 'it matters for an assumed role only', harmless: true },
  rrsaRoleARN: otherIdentity,
  rrsaOIDCProviderRoleARN: otherIdentity,
  customAccessKey: otherIdentity,
  customAccessKeySecret: otherIdentity,
  customAccessKeySecretRef: otherIdentity,
  namespaces: { consequence: 'every namespace would get the token', harmless: false },
};

/** `acr-registry-info`: a YAML or JSON list of instances; when empty, the Personal instance of the cluster's region. */
export function readRegistryInfo(text: LocatedText, report: ProblemReport): readonly RegistryEntry[] {
  const root = readYaml(text, report, shape);
  const entries = root === undefined ? [] : readEntries(root, report);
  return keyEntries(entries.length === 0 ? [{ domains: [] }] : entries);
}

function readEntries(root: YamlNode, report: ProblemReport): UnkeyedEntry[] {
  const entries = new Map<string, UnkeyedEntry>();
  for (const node of entryNodes(root, report)) {
    for (const entry of readEntry(node, report)) {
      const print = fingerprint(entry);
      if (entries.has(print)) report.warn(node.at, 'an entry that is listed already', 'it once');
      else entries.set(print, entry);
    }
  }
  return [...entries.values()];
}

function entryNodes(root: YamlNode, report: ProblemReport): readonly YamlNode[] {
  if (root.kind === 'sequence') return root.items;
  if (root.kind === 'scalar' && root.at.text.trim() === '') return [];
  const found = root.kind === 'mapping' ? 'an entry that is in no list' : 'text that is not a list of entries';
  report.refuse(root.at, found, shape);
  return [];
}

function readEntry(node: YamlNode, report: ProblemReport): UnkeyedEntry[] {
  if (node.kind !== 'mapping') {
    report.refuse(node.at, node.kind === 'sequence' ? 'a list inside the list' : 'an entry without fields', shape);
    return [];
  }
  const fields = new FieldReader(node, report);
  const instanceIds = fields.items('instanceId').map((item) => readInstanceId(item, report));
  const regionId = fields.read('regionId', readRegionId);
  const domains = [...new Set(fields.items('domains').map((item) => readDomain(item, report)))];
  fields.finish(unsupportedFields);

  const entry = { ...(regionId !== undefined && { regionId }), domains };
  return instanceIds.length === 0 ? [entry] : instanceIds.map((instanceId) => ({ instanceId, ...entry }));
}

const instanceIdForm = /^[A-Za-z0-9](?:[\w-]{0,61}[A-Za-z0-9])?$/;

function readInstanceId(item: LocatedText, report: ProblemReport): string {
  if (!instanceIdForm.test(item.text)) {
    const fix = 'the ID that the Container Registry console shows, such as `cri-…`, or `""` for the Personal Edition';
    report.refuse(item, `${quote(item.text)}, which is not an instance's ID`, fix);
  }
  return item.text;
}

/** A DNS label, for the region becomes part of the host that tokens are asked of. */
const regionIdForm = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

function readRegionId(text: LocatedText, report: ProblemReport): string | undefined {
  if (text.text === '') return undefined;
  if (!regionIdForm.test(text.text)) {
    const guess = text.text.toLowerCase().replace(/[\s_]+/g, '-');
    const fix = regionIdForm.test(guess) ? quote(guess) : 'one region ID such as `cn-hangzhou`';
    report.refuse(text, `${quote(text.text)}, which is not a region's ID`, fix);
  }
  return text.text;
}
