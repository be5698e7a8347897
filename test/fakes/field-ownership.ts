import type { ManagedFieldsEntry } from '../../src/kube/objects.ts';
import { listOwnedBy } from '../builders/kube-objects.ts';

/**
 * What the API server makes of managed fields when somebody's patch changes `imagePullSecrets`: that one owns the list, nobody
 * else does, and who owned nothing else has no entry any more. Where there are no managed fields it tracks none.
 */
export function takeList(managedFields: readonly ManagedFieldsEntry[], manager: string): ManagedFieldsEntry[] {
  if (managedFields.length === 0) return [];
  const others = managedFields.flatMap((entry) => {
    const { 'f:imagePullSecrets': list, ...rest } = (entry.fieldsV1 ?? {}) as Record<string, unknown>;
    if (list === undefined) return [entry];
    return Object.keys(rest).length > 0 ? [{ ...entry, fieldsV1: rest }] : [];
  });
  return [...others, listOwnedBy(manager)];
}
