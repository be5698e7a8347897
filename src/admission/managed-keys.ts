import type { RegistryEntry } from '../config/config.ts';
import { listedDomains } from '../credentials/refresh-policy.ts';
import { credentialOf } from '../credentials/tokens-secret.ts';
import { managedDomains } from '../registry/managed-domains.ts';
import type { PullSecretSources } from '../secrets/pull-secret-sources.ts';

/** Every key of the `auths` that is written for these registries, or would be once one answers, those of `extra-auths` included. */
export function managedKeys(
  registries: readonly RegistryEntry[],
  { tokens, extraAuths, clusterRegion }: Omit<PullSecretSources, 'config'>,
): string[] {
  const domains = managedDomains(registries, (entry) => listedDomains(credentialOf(tokens, entry)), clusterRegion);
  return [...domains, ...Object.keys(extraAuths.auths)];
}
