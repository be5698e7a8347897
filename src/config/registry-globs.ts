import { isRegionId } from '../region-id.ts';
import { listedNames } from './listed-names.ts';
import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';
import { readDomain } from './registry-domain.ts';
import type { UnkeyedEntry } from './registry-entry-key.ts';

const region = /([-*a-z0-9]+)/.source;
const personal = new RegExp(`^registry(?:-vpc|-internal|-intl|-intl-vpc)?\\.${region}\\.aliyuncs\\.com$`);
const enterprise = new RegExp(
  `^([a-z0-9][-a-z0-9]*?)-registry(?:-vpc)?(?:\\.distributed)?\\.${region}\\.cr\\.aliyuncs\\.com(?::\\d+)?$`,
);

/**
 * `acr-registry`, the key that `acr-registry-info` replaced: a comma list of domains, with `*` in the place of the region. The
 * domains stay globs, which kubelet understands; the tokens are those of the cluster's region where none is named.
 */
export function readRegistryGlobs(text: LocatedText, report: ProblemReport): UnkeyedEntry[] {
  const entries = new Map<string, UnkeyedEntry & { domains: string[] }>();
  for (const item of listedNames(text, report)) {
    const instance = readInstance(item, report);
    if (instance === undefined) continue;
    const name = JSON.stringify(instance);
    const entry = entries.get(name) ?? { ...instance, domains: [] };
    if (!entry.domains.includes(item.text)) entry.domains.push(item.text);
    entries.set(name, entry);
  }
  return [...entries.values()];
}

/** Which instance serves the domain, as its name tells. */
function readInstance(item: LocatedText, report: ProblemReport): Omit<UnkeyedEntry, 'domains'> | undefined {
  const before = report.problems.length;
  const domain = readDomain(item, report);
  if (report.problems.length > before) return undefined;
  const [, personalRegion] = personal.exec(domain) ?? [];
  if (isRegion(personalRegion)) return inRegion(personalRegion);
  const [, instanceName, enterpriseRegion] = enterprise.exec(domain) ?? [];
  if (instanceName !== undefined && isRegion(enterpriseRegion)) return { instanceName, ...inRegion(enterpriseRegion) };
  const fix = '`acr-registry-info` instead, with the ID of its instance and this domain';
  report.refuse(item, `${quote(domain)}, a domain whose name does not tell its instance`, fix);
  return undefined;
}

function isRegion(name: string | undefined): name is string {
  return name === '*' || (name !== undefined && isRegionId(name));
}

function inRegion(name: string): { regionId?: string } {
  return name.includes('*') ? {} : { regionId: name };
}
