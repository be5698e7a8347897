import type { RegistryEntry } from '../config/config.ts';

/** What `--token-mode` may say. */
export const tokenModes = ['auto', 'accessKey', 'workerRole', 'managedRole', 'rrsa'] as const;
export type TokenMode = (typeof tokenModes)[number];

/** Whose credentials a registry entry's token is asked for with, before any role is assumed on top. */
export type IdentityKind = 'entryAccessKey' | 'referencedAccessKey' | Exclude<TokenMode, 'auto'>;

/** What there is to choose from at the moment. */
export interface Circumstances {
  tokenMode: TokenMode;
  /** `rrsa: enable: true` in the configuration. */
  rrsaEnabled: boolean;
  /** An AccessKey, in the Secret `alibaba-addon-secret` or in the environment: self-managed and registered clusters. */
  hasAccessKey: boolean;
  /** The file through which a managed cluster hands out its service role. */
  hasManagedToken: boolean;
}

/** What an entry says of its own identity. */
export type StatedIdentity = Pick<RegistryEntry, 'accessKey' | 'accessKeySecretRef' | 'rrsaRoleArn'>;

/**
 * The entry's own word comes first, then the flag, then, under `auto`, what there is. The metadata service comes last and
 * unasked: where there is nothing else, its failure is what is to be told.
 */
export function chooseIdentity(entry: StatedIdentity, circumstances: Circumstances): IdentityKind {
  const { tokenMode, rrsaEnabled, hasAccessKey, hasManagedToken } = circumstances;
  if (entry.accessKey) return 'entryAccessKey';
  if (entry.accessKeySecretRef) return 'referencedAccessKey';
  if (entry.rrsaRoleArn && rrsaEnabled) return 'rrsa';
  if (tokenMode !== 'auto') return tokenMode;
  if (hasAccessKey) return 'accessKey';
  return hasManagedToken ? 'managedRole' : 'workerRole';
}
