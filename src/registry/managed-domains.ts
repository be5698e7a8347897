import type { RegistryEntry } from '../config/config.ts';
import { enterpriseDomainGlob, personalDomains } from './registry-host.ts';

/** While neither an entry nor the cluster tells the region: any. */
const ANY_REGION = '*';

/**
 * Every key of the `auths` that we write, or would write once a registry answers: the images that are ours to see to.
 *
 * @param listedDomains of a registry entry, from its last credential. @param clusterRegion where it is known.
 */
export function managedDomains(
  registries: readonly RegistryEntry[],
  listedDomains: (entry: RegistryEntry) => readonly string[] | undefined,
  clusterRegion: string | undefined,
): Set<string> {
  const domains = registries.flatMap((entry) => {
    const region = entry.regionId ?? clusterRegion ?? ANY_REGION;
    return knownDomains(entry, listedDomains(entry), region) ?? [enterpriseDomainGlob(region)];
  });
  return new Set(domains);
}

/**
 * The domains that an entry's token opens; undefined until its instance's are listed, or its region is known.
 * @param listed from the entry's last credential.
 */
export function knownDomains(
  entry: RegistryEntry,
  listed: readonly string[] | undefined,
  clusterRegion: string | undefined,
): readonly string[] | undefined {
  if (entry.domains.length > 0) return entry.domains;
  if (listed) return listed;
  if (entry.instanceId !== undefined || entry.instanceName !== undefined) return undefined;
  const region = entry.regionId ?? clusterRegion;
  return region === undefined ? undefined : personalDomains(region);
}
