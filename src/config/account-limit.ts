import type { LocatedText } from './located-text.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';
import type { UnkeyedEntry } from './registry-entry-key.ts';
import { loginOf } from './registry-login.ts';

/** A pull Secret has one login for a domain: further accounts go into further Secrets, this many all told. */
export const maxAccountsPerDomain = 5;

/** Refuses the entries that are one account too many on a domain, as far as the configuration alone shows it. */
export function refuseTooManyAccounts(
  entries: readonly { entry: UnkeyedEntry; at: LocatedText }[],
  report: ProblemReport,
): void {
  const domains = new Map<string, DomainLogins>();
  for (const { entry, at } of entries) {
    const full = registriesOf(entry).filter((domain) => {
      const logins = domains.get(domain) ?? new DomainLogins();
      domains.set(domain, logins);
      return !logins.admit(loginOf(entry), entry.namespaces);
    });
    if (full[0] === undefined) continue;
    const found = `account number ${maxAccountsPerDomain + 1} on ${quote(full[0])} for one namespace`;
    report.refuse(at, found, `at most ${maxAccountsPerDomain} of them, or \`namespaces\` that keep them apart`);
  }
}

/** The logins for one domain, by who gets them. */
class DomainLogins {
  readonly #everywhere = new Set<string>();
  readonly #inNamespace = new Map<string, Set<string>>();

  /** Counts the login in; false where that would be one too many for a namespace. */
  admit(login: string, namespaces: readonly string[] | undefined): boolean {
    const isKnown = this.#everywhere.has(login);
    if (isKnown) return true;
    const places = (namespaces ?? [...this.#inNamespace.keys()]).map((name) => this.#placeOf(name));
    const isFull = [new Set<string>(), ...places].some((place) => this.#isFullWith(place, login));
    if (!isFull && namespaces === undefined) this.#everywhere.add(login);
    else if (!isFull) for (const place of places) place.add(login);
    return !isFull;
  }

  #isFullWith(place: ReadonlySet<string>, login: string): boolean {
    return this.#everywhere.union(place).add(login).size > maxAccountsPerDomain;
  }

  #placeOf(namespace: string): Set<string> {
    const place = this.#inNamespace.get(namespace) ?? new Set();
    this.#inNamespace.set(namespace, place);
    return place;
  }
}

/** The domains that are given, or whose they are. */
function registriesOf({ domains, instanceId, regionId }: UnkeyedEntry): readonly string[] {
  if (domains.length > 0) return domains;
  return [instanceId ?? (regionId === undefined ? 'the Personal instance' : `the Personal instance of ${regionId}`)];
}
