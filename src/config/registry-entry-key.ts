import type { RegistryEntry } from './config.ts';

/** An entry of the configuration before it has its key. */
export type UnkeyedEntry = Omit<RegistryEntry, 'key'>;

/**
 * Gives each entry its key: the instance's ID, `personal` or `personal-<region>`; `#2`, `#3` follow where one is listed again.
 * Those are counted by what the entries say, the one that says least first, so that moving an entry changes no key.
 */
export function keyEntries(entries: readonly UnkeyedEntry[]): RegistryEntry[] {
  const groups = Map.groupBy(entries, baseKey);
  for (const group of groups.values()) group.sort(byContent);
  return entries.map((entry) => {
    const key = baseKey(entry);
    const place = groups.get(key)?.indexOf(entry) ?? 0;
    return { key: place === 0 ? key : `${key}#${place + 1}`, ...entry };
  });
}

/** Equal for entries that say the same. */
export function fingerprint(entry: UnkeyedEntry): string {
  const fields = Object.entries({ ...entry, domains: entry.domains.toSorted() });
  return JSON.stringify(fields.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function byContent(one: UnkeyedEntry, other: UnkeyedEntry): number {
  const [first, second] = [fingerprint(one), fingerprint(other)];
  return first.length - second.length || (first < second ? -1 : 1);
}

function baseKey({ instanceId, regionId }: UnkeyedEntry): string {
  return instanceId ?? (regionId === undefined ? 'personal' : `personal-${regionId}`);
}
