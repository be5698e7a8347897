import type { RegistryEntry } from '../config/config.ts';
import { loginOf } from '../config/registry-login.ts';

/**
 * Names the credential that an entry is served with, by what the configuration alone says: the instance, its region, and as whom
 * it is asked. Entries that differ in their domains or namespaces only share one; an AccessKey that is rotated in a Secret, or
 * that of the service, does not change it.
 */
export function credentialIdOf(entry: Omit<RegistryEntry, 'key'>): string {
  return `${loginOf(entry)} ${entry.regionId ?? ''}`;
}
