import type { RegistryEntry } from './config.ts';

/** An entry of the configuration before it has its key. */
export type UnkeyedEntry = Omit<RegistryEntry, 'key'>;

/**
 * Gives each entry its key: the instance's ID, `personal` or `personal-<region>`; `#2`, `#3` follow where one is listed again.
 * Those are counted by what the entries say, the one that says least first, so that moving an entry changes no key.
 */
export function keyEntries(entries: readonly UnkeyedEntry[]): RegistryEntry[] {
  const keys = new Map<UnkeyedEntry, string>();
  for (const [key, group] of Map.groupBy(entries, baseKey)) {
    const contents = new Map(group.length > 1 ? group.map((entry) => [entry, contentOf(entry)]) : []);
    const sorted = group.toSorted((one, other) => byLength(contents.get(one) ?? '', contents.get(other) ?? ''));
    for (const [place, entry] of sorted.entries()) keys.set(entry, place === 0 ? key : `${key}#${place + 1}`);
  }
  return entries.map((entry) => ({ key: keys.get(entry) ?? baseKey(entry), ...entry }));
}

/** Equal for entries that say the same. An AccessKey is told by its ID: its secret changes with a rotation. */
export function fingerprint(entry: UnkeyedEntry): string {
  const { domains, namespaces, accessKey, ...rest } = entry;
  const lists = { domains: domains.toSorted(), namespaces: namespaces?.toSorted() };
  const fields = Object.entries({ ...rest, ...lists, accessKey: accessKey?.id }).filter(
    ([, value]) => value !== undefined,
  );
  return JSON.stringify(fields.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Without the namespaces: who else gets the token does not change what it is a token of. */
function contentOf(entry: UnkeyedEntry): string {
  return fingerprint({ ...entry, namespaces: undefined });
}

function byLength(one: string, other: string): number {
  return one.length - other.length || Number(one > other) - Number(one < other);
}

function baseKey({ instanceId, instanceName, regionId }: UnkeyedEntry): string {
  const instance = instanceId ?? (instanceName === undefined ? 'personal' : `instance-${instanceName}`);
  return instanceId !== undefined || regionId === undefined ? instance : `${instance}-${regionId}`;
}
