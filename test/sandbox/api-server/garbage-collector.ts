import type { OwnerReference } from '../../../src/kube/objects.ts';
import { queueOf, writeAs } from './controller-context.ts';
import type { ControllerContext } from './controller-context.ts';
import type { StoredObject } from './object-store.ts';

/** Deletes objects none of whose owners is there. */
export function startGarbageCollector(context: ControllerContext): void {
  const { store, writer, resources } = context;
  /** uid → the objects that name it as an owner. */
  const dependents = new Map<string, Set<string>>();
  const live = new Map<string, StoredObject>();

  // An owner of a kind that is not served here is taken to be there.
  const isThere = ({ apiVersion, kind, uid }: OwnerReference) =>
    live.has(uid) || resources.ofKind(apiVersion, kind) === undefined;

  const reconcile = async (uid: string) => {
    const stored = live.get(uid);
    const owners = stored?.object.metadata.ownerReferences ?? [];
    if (!stored || owners.length === 0 || owners.some(isThere)) return;
    await writer.delete(stored, writeAs('generic-garbage-collector'), { uid });
  };

  const queue = queueOf(context, reconcile);
  store.subscribe(({ type, stored }) => {
    const { uid = '', ownerReferences = [] } = stored.object.metadata;
    if (type === 'DELETED') {
      live.delete(uid);
      for (const dependent of dependents.get(uid) ?? []) queue.add(dependent);
      dependents.delete(uid);
      return;
    }
    live.set(uid, stored);
    for (const owner of ownerReferences) {
      dependents.set(owner.uid, (dependents.get(owner.uid) ?? new Set<string>()).add(uid));
      if (!isThere(owner)) queue.add(uid);
    }
  });
}
