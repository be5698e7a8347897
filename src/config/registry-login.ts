import type { RegistryEntry } from './config.ts';

/**
 * Equal for entries whose tokens open the same: of one instance, asked for as the same identity. Two of them need no further
 * pull Secret for a domain that both have. A Personal Edition's domains name its region, so here it is left out.
 */
export function loginOf(entry: Omit<RegistryEntry, 'key'>): string {
  const { instanceId, instanceName, assumeRoleArn, rrsaRoleArn, rrsaOidcProviderArn, accessKey } = entry;
  const identity = [assumeRoleArn, rrsaRoleArn, rrsaOidcProviderArn, accessKey?.id, entry.accessKeySecretRef];
  return JSON.stringify([instanceId ?? null, instanceName ?? null, ...identity.map((part) => part ?? null)]);
}
