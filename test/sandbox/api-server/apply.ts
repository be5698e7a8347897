import { copyOf, isMap } from './api-object.ts';
import type { ApiObject, JsonMap } from './api-object.ts';
import { fieldPathsOf, fromFieldsV1, readablePath, removePath } from './field-paths.ts';
import type { FieldPaths } from './field-paths.ts';
import { itemKey, keysOfList } from './list-keys.ts';
import { entriesBeforeApply, ownApplyEntry, recordApply } from './managed-fields.ts';
import type { Author } from './managed-fields.ts';
import { difference } from './path-sets.ts';
import { StatusError } from './status-error.ts';

/**
 * Server-side apply of `applied` onto `live`: maps merge, keyed lists merge by key, atomic lists are replaced, what this
 * manager applied before and now leaves out goes unless somebody else owns it too.
 * Throws a 409 Conflict where another manager owns a field with another value, unless forced.
 */
export function applyConfiguration(
  live: ApiObject | undefined,
  applied: ApiObject,
  author: Author,
  force: boolean,
): ApiObject {
  const paths = fieldPathsOf(applied);
  if (live && !force) refuseConflicts(live, paths, author);
  const next = live ? (merge(applied.kind, copyOf(live), applied, []) as ApiObject) : copyOf(applied);
  if (live) removeAbandoned(live, next, paths, author);
  recordApply(live, next, paths, author);
  return next;
}

function merge(kind: string, live: unknown, applied: unknown, path: string[]): unknown {
  if (isMap(applied)) {
    const merged: JsonMap = isMap(live) ? live : {};
    for (const [field, value] of Object.entries(applied)) {
      merged[field] = merge(kind, merged[field], value, [...path, field]);
    }
    return merged;
  }
  if (Array.isArray(applied) && Array.isArray(live)) return mergeList(kind, live, applied, path);
  return applied;
}

function mergeList(kind: string, live: unknown[], applied: unknown[], path: string[]): unknown[] {
  const keys = keysOfList(kind, path);
  if (keys === 'atomic') return applied;
  const rest = new Map(live.map((item) => [itemKey(keys, item), item]));
  const merged = applied.map((item) => {
    const key = itemKey(keys, item);
    const present = rest.get(key);
    rest.delete(key);
    return present === undefined ? item : merge(kind, present, item, path);
  });
  return [...merged, ...rest.values()];
}

function removeAbandoned(live: ApiObject, next: ApiObject, paths: FieldPaths, author: Author): void {
  const own = ownApplyEntry(live, author.manager);
  const others = entriesBeforeApply(live, author).filter((entry) => entry !== own);
  const kept = new Set([...paths.keys(), ...others.flatMap((entry) => [...fromFieldsV1(entry.fieldsV1)])]);
  for (const path of difference(fromFieldsV1(own?.fieldsV1), kept)) removePath(next, path);
}

function refuseConflicts(live: ApiObject, applied: FieldPaths, author: Author): void {
  const present = fieldPathsOf(live);
  const changed = new Set([...applied].filter(([path, value]) => present.get(path) !== value).map(([path]) => path));
  const own = ownApplyEntry(live, author.manager);
  const conflicts = entriesBeforeApply(live, author)
    .filter((entry) => entry !== own)
    .flatMap((entry) =>
      [...fromFieldsV1(entry.fieldsV1)]
        .filter((path) => changed.has(path))
        .map((path) => ({
          reason: 'FieldManagerConflict',
          message: `conflict with "${entry.manager ?? ''}" using ${entry.apiVersion ?? ''}`,
          field: readablePath(path),
        })),
    );
  if (conflicts.length === 0) return;
  const texts = conflicts.map(({ message, field }) => `${message}: ${field}`).join('\n');
  throw new StatusError({
    code: 409,
    reason: 'Conflict',
    message: `Apply failed with ${conflicts.length} conflict${conflicts.length > 1 ? 's' : ''}: ${texts}`,
    details: { causes: conflicts },
  });
}
