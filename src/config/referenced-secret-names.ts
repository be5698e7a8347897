import type { Config } from './config.ts';

/** The Secrets of the own namespace that a configuration refers to. */
export function referencedSecretNames({ extraAuths, registries }: Config): Set<string> {
  const ofEntries = registries.map(({ accessKeySecretRef }) => accessKeySecretRef);
  return new Set([...extraAuths, ...ofEntries.filter((name) => name !== undefined)]);
}
