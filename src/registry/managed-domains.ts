import type { RegistryEntry } from '../config/config.ts';
import { enterpriseDomainGlob, personalDomains } from './registry-host.ts';

/** While neither an entry nor the cluster tells the region: any. */
const ANY_REGION = '*';

/**
 * Every key of the `auths` that we write, or would write once a registry answers: the images that are ours to see to.
 *
 * @param knownDomains of a registry entry's key, from its last credential. @param clusterRegion where it is known.
 */
export function managedDomains(
  registries: readonly RegistryEntry[],
  knownDomains: (key: string) => readonly string[] | undefined,
  clusterRegion: string | undefined,
): Set<string> {
  const domains = registries.flatMap((entry) => {
    if (entry.domains.length > 0) return entry.domains;
    const known = knownDomains(entry.key);
    if (known) return known;
    const region = entry.regionId ?? clusterRegion ?? ANY_REGION;
    return entry.instanceId ? [enterpriseDomainGlob(region)] : personalDomains(region);
  });
  return new Set(domains);
}
