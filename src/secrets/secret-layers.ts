import { maxAccountsPerDomain } from '../config/account-limit.ts';

/** What one registry entry would put into pull Secrets. */
export interface LayeredEntry {
  readonly key: string;
  /** Entries of one login need one place on a domain, see {@link loginOf}. */
  readonly login: string;
  readonly domains: readonly string[];
}

/** For each domain, the keys of the entries that open it, all of one login. */
export type SecretLayer = ReadonlyMap<string, readonly string[]>;

export interface SecretLayers {
  /** For each pull Secret what belongs into it; the first is always there. */
  readonly layers: readonly SecretLayer[];
  /** The logins that are one too many on a domain. */
  readonly leftOut: readonly { key: string; domain: string }[];
}

/**
 * Spreads logins over pull Secrets, as one of these has one login for a domain: for each domain the first login goes into the
 * first Secret, the second into the second. The order is that of the entries, whoever of them has a token now.
 */
export function layerEntries(entries: readonly LayeredEntry[]): SecretLayers {
  const byDomain = new Map<string, Map<string, string[]>>();
  for (const { key, login, domains } of entries) {
    for (const domain of new Set(domains)) {
      const logins = byDomain.get(domain) ?? new Map<string, string[]>();
      byDomain.set(domain, logins.set(login, [...(logins.get(login) ?? []), key]));
    }
  }
  const layers: Map<string, string[]>[] = [new Map<string, string[]>()];
  const leftOut: { key: string; domain: string }[] = [];
  for (const [domain, logins] of byDomain) {
    for (const [place, keys] of [...logins.values()].entries()) {
      if (place < maxAccountsPerDomain) {
        layers[place] = (layers[place] ?? new Map<string, string[]>()).set(domain, keys);
      } else {
        leftOut.push(...keys.map((key) => ({ key, domain })));
      }
    }
  }
  return { layers, leftOut };
}
