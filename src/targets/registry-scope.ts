import type { RegistryEntry } from '../config/config.ts';

/** The registries whose tokens are meant for a namespace, in the order of the configuration. */
export function registriesFor(registries: readonly RegistryEntry[], namespace: string): readonly RegistryEntry[] {
  const isRestricted = registries.some(({ namespaces }) => namespaces !== undefined);
  return isRestricted ? registries.filter((entry) => isMeantFor(entry, namespace)) : registries;
}

export function isMeantFor({ namespaces }: RegistryEntry, namespace: string): boolean {
  return namespaces === undefined || namespaces.includes(namespace);
}
