import type { RegistryEntry } from '../config/config.ts';

/** The registries whose tokens are meant for a namespace, in the order of the configuration. */
export function registriesFor(registries: readonly RegistryEntry[], namespace: string): readonly RegistryEntry[] {
  return registries.every(isForAll) ? registries : registries.filter((entry) => isMeantFor(entry, namespace));
}

function isForAll({ namespaces }: RegistryEntry): boolean {
  return namespaces === undefined;
}

export function isMeantFor({ namespaces }: RegistryEntry, namespace: string): boolean {
  return namespaces === undefined || namespaces.includes(namespace);
}

/** Keeps what is made once for all namespaces that the same registries are meant for. */
export class ScopeCache<Sources extends { readonly config: { readonly registries: readonly RegistryEntry[] } }, T> {
  readonly #make: (entries: readonly RegistryEntry[], sources: Sources) => T;
  #sources: Sources | undefined;
  /** By the keys of the registries. */
  readonly #made = new Map<string, T>();

  /** @param make makes it of the sources for the registries that are meant for a namespace. */
  constructor(make: (entries: readonly RegistryEntry[], sources: Sources) => T) {
    this.#make = make;
  }

  /** @param sources what it is made from: another object when anything of it is another. */
  of(namespace: string, sources: Sources): T {
    if (sources !== this.#sources) this.clear();
    this.#sources = sources;
    const { registries } = sources.config;
    const entries = registriesFor(registries, namespace);
    const scope = entries === registries ? '' : entries.map(({ key }) => key).join(' ');
    const known = this.#made.get(scope);
    if (known !== undefined) return known;
    const made = this.#make(entries, sources);
    this.#made.set(scope, made);
    return made;
  }

  clear(): void {
    this.#made.clear();
  }
}
