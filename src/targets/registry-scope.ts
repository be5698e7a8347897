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
export class ScopeCache<T> {
  #sources: readonly unknown[] = [];
  /** By the keys of the registries. */
  readonly #made = new Map<string, T>();

  /**
   * @param sources what it is made from, with whatever the registries come from: compared by identity, place by place.
   * @param make makes it for the registries that are meant for the namespace.
   */
  of(
    namespace: string,
    { registries, sources }: { registries: readonly RegistryEntry[]; sources: readonly unknown[] },
    make: (entries: readonly RegistryEntry[]) => T,
  ): T {
    if (sources.some((source, index) => source !== this.#sources[index])) this.clear();
    this.#sources = sources;
    const entries = registriesFor(registries, namespace);
    const scope = entries === registries ? '' : entries.map(({ key }) => key).join(' ');
    const known = this.#made.get(scope);
    if (known !== undefined) return known;
    const made = make(entries);
    this.#made.set(scope, made);
    return made;
  }

  clear(): void {
    this.#made.clear();
  }
}
