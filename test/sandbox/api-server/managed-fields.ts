import type { ManagedFieldsEntry } from '../../../src/kube/objects.ts';
import type { ApiObject } from './api-object.ts';
import { fieldPathsOf, fromFieldsV1, toFieldsV1 } from './field-paths.ts';
import type { FieldPaths } from './field-paths.ts';
import { difference, isSame, union } from './path-sets.ts';

/** Who changes an object, and when (RFC 3339, whole seconds). */
export interface Author {
  manager: string;
  time: string;
}

/** What differs between two objects, as field paths. */
interface Difference {
  set: Set<string>;
  removed: Set<string>;
}

function differenceOf(before: FieldPaths, after: FieldPaths): Difference {
  const set = [...after].filter(([path, value]) => before.get(path) !== value).map(([path]) => path);
  return { set: new Set(set), removed: difference(before.keys(), after) };
}

/**
 * Writes into `next` who owns what after a create, an update or a patch by `author`: whoever changes a field owns it
 * alone. Entries that the request itself sent count as the present ones; a single empty one resets all.
 */
export function recordUpdate(live: ApiObject | undefined, next: ApiObject, author: Author): void {
  const entries = presentEntries(live, next);
  // An object that nobody owns anything of is not tracked until somebody applies.
  if (live && entries.length === 0) {
    store(next, []);
    return;
  }
  const { set, removed } = differenceOf(live ? fieldPathsOf(live) : new Map<string, string>(), fieldPathsOf(next));
  const changed = union(set, removed);
  const isOwn = (entry: ManagedFieldsEntry) =>
    entry.manager === author.manager && entry.operation === 'Update' && !entry.subresource;
  const own = entries.find(isOwn);
  const others = entries.filter((entry) => entry !== own).map((entry) => without(entry, changed));
  const owned = union(difference(fromFieldsV1(own?.fieldsV1), removed), set);
  const mine = changed.size > 0 || !own ? entryOf('Update', next, author, owned) : own;
  store(next, [...others, mine]);
}

/** Writes into `next` what `author` applied, and takes from others what it changed. */
export function recordApply(live: ApiObject | undefined, next: ApiObject, applied: FieldPaths, author: Author): void {
  const entries = entriesBeforeApply(live, author);
  const { set, removed } = differenceOf(live ? fieldPathsOf(live) : new Map<string, string>(), fieldPathsOf(next));
  const own = ownApplyEntry(live, author.manager);
  const others = entries.filter((entry) => entry !== own).map((entry) => without(entry, union(set, removed)));
  const paths = new Set(applied.keys());
  const same = own && isSame(fromFieldsV1(own.fieldsV1), paths) && set.size + removed.size === 0;
  store(next, [same ? own : entryOf('Apply', next, author, paths), ...others]);
}

export function ownApplyEntry(live: ApiObject | undefined, manager: string): ManagedFieldsEntry | undefined {
  return live?.metadata.managedFields?.find((entry) => entry.manager === manager && entry.operation === 'Apply');
}

/** The entries; one that stands for everything there was where an object was not tracked. */
export function entriesBeforeApply(live: ApiObject | undefined, { time }: Pick<Author, 'time'>): ManagedFieldsEntry[] {
  const entries = live?.metadata.managedFields ?? [];
  if (!live || entries.length > 0) return entries;
  const paths = fieldPathsOf(live);
  if (paths.size === 0) return [];
  return [entryOf('Update', live, { manager: 'before-first-apply', time }, new Set(paths.keys()))];
}

function presentEntries(live: ApiObject | undefined, next: ApiObject): ManagedFieldsEntry[] {
  const sent = next.metadata.managedFields;
  if (sent?.length === 1 && Object.keys(sent[0] ?? {}).length === 0) return [];
  return sent ?? live?.metadata.managedFields ?? [];
}

function without(entry: ManagedFieldsEntry, paths: Set<string>): ManagedFieldsEntry {
  const before = fromFieldsV1(entry.fieldsV1);
  const left = difference(before, paths);
  return left.size === before.size ? entry : { ...entry, fieldsV1: toFieldsV1(left) };
}

function entryOf(
  operation: 'Apply' | 'Update',
  { apiVersion }: ApiObject,
  { manager, time }: Author,
  paths: Set<string>,
): ManagedFieldsEntry {
  return { manager, operation, apiVersion, time, fieldsType: 'FieldsV1', fieldsV1: toFieldsV1(paths) };
}

function store({ metadata }: ApiObject, entries: ManagedFieldsEntry[]): void {
  const left = entries.filter((entry) => Object.keys(entry.fieldsV1 ?? {}).length > 0);
  if (left.length > 0) metadata.managedFields = left;
  else delete metadata.managedFields;
}
