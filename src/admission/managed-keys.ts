import type { RegistryEntry } from '../config/config.ts';
import type { Auths } from '../credentials/docker-config.ts';
import { listedDomains } from '../credentials/refresh-policy.ts';
import { credentialOf, type TokensState } from '../credentials/tokens-secret.ts';
import { managedDomains } from '../registry/managed-domains.ts';

/** Every key of the `auths` that is written for these registries, or would be once one answers, those of `extra-auths` included. */
export function managedKeys(
  registries: readonly RegistryEntry[],
  sources: { tokens: TokensState; extraAuths: Auths; clusterRegion: string | undefined },
): string[] {
  const { tokens, extraAuths, clusterRegion } = sources;
  const domains = managedDomains(registries, (entry) => listedDomains(credentialOf(tokens, entry)), clusterRegion);
  return [...domains, ...Object.keys(extraAuths)];
}
