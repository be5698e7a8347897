import type { RegistryEntry } from '../../src/config/config.ts';
import { credentialIdOf } from '../../src/credentials/credential-id.ts';
import type { StoredCredential } from '../../src/credentials/refresh-policy.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

/** When the clocks of tests start. */
export const START = new ManualClock().now();
export const HOUR_MS = 3_600_000;

/** A token of an hour, issued as the clock starts. */
export function credentialWith(fields: Partial<StoredCredential> = {}): StoredCredential {
  return {
    username: 'cr_temp_user',
    password: 'first-token',
    issuedAt: START,
    expiresAt: START + HOUR_MS,
    domains: ['shop-registry.cn-hangzhou.cr.aliyuncs.com'],
    source: 'digest',
    domainsListedAt: START,
    ...fields,
  };
}

/** As the tokens Secret keeps them: by what their entries say. */
export function credentialsOf(
  ...pairs: (readonly [Omit<RegistryEntry, 'key'>, StoredCredential])[]
): Record<string, StoredCredential> {
  return Object.fromEntries(pairs.map(([entry, credential]) => [credentialIdOf(entry), credential]));
}
