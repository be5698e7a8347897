import { isMap } from './api-object.ts';
import type { JsonMap } from './api-object.ts';

/** How the items of a list are told apart: by these fields, by their own value (a set), or not at all (atomic). */
export type ListKeys = readonly string[] | 'set' | 'atomic';

const byName = ['name'] as const;
const keysByField: Record<string, ListKeys> = {
  containers: byName,
  initContainers: byName,
  ephemeralContainers: byName,
  volumes: byName,
  env: byName,
  webhooks: byName,
  matchConditions: byName,
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  ownerReferences: ['uid'],
  conditions: ['type'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  finalizers: 'set',
};

/** `path`: the names of the fields that lead to the list. */
export function keysOfList(kind: string, path: readonly string[]): ListKeys {
  const field = path.at(-1) ?? '';
  if (field === 'imagePullSecrets') return path.includes('spec') ? byName : 'atomic';
  if (field === 'secrets') return kind === 'ServiceAccount' ? byName : 'atomic';
  if (field === 'ports') return portKeys(kind, path);
  return keysByField[field] ?? 'atomic';
}

function portKeys(kind: string, path: readonly string[]): ListKeys {
  if (kind === 'Service') return ['port', 'protocol'];
  return path.at(-2)?.toLowerCase().endsWith('containers') ? ['containerPort', 'protocol'] : 'atomic';
}

/** The identity of an item as `managedFields` spells it: `k:{"name":"a"}` or `v:"a"`; undefined when it has none. */
export function itemKey(keys: ListKeys, item: unknown): string | undefined {
  if (keys === 'atomic') return undefined;
  if (keys === 'set') return `v:${JSON.stringify(item)}`;
  if (!isMap(item)) return undefined;
  const fields = Object.fromEntries(keys.map((key) => [key, keyValue(item, key)]));
  return `k:${JSON.stringify(fields)}`;
}

function keyValue(item: JsonMap, key: string): unknown {
  return item[key] ?? (key === 'protocol' ? 'TCP' : undefined);
}
