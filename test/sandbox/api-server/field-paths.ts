import { isMap } from './api-object.ts';
import type { ApiObject, JsonMap } from './api-object.ts';
import { itemKey, keysOfList } from './list-keys.ts';

/**
 * The fields of an object as `managedFields` counts them: leaves of maps, items of keyed lists, atomic lists as a whole.
 * A path is its `f:`, `k:` and `v:` steps, joined; the value is the leaf's JSON.
 */
export type FieldPaths = Map<string, string>;

const separator = '\n';
const itemItself = '.';

const unmanaged = new Set(
  ['apiVersion', 'kind', 'metadata'].concat(
    ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'selfLink', 'managedFields'].map(
      (f) => `metadata.${f}`,
    ),
    ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'].map((f) => `metadata.${f}`),
  ),
);

interface Walk {
  kind: string;
  found: FieldPaths;
}

export function fieldPathsOf(object: ApiObject): FieldPaths {
  const walk: Walk = { kind: object.kind, found: new Map() };
  for (const [field, value] of Object.entries(object)) {
    if (field === 'metadata') collectMetadata(walk, object.metadata as JsonMap);
    else if (!unmanaged.has(field)) collect(walk, value, [`f:${field}`]);
  }
  return walk.found;
}

function collectMetadata(walk: Walk, metadata: JsonMap): void {
  for (const [field, value] of Object.entries(metadata)) {
    if (!unmanaged.has(`metadata.${field}`)) collect(walk, value, ['f:metadata', `f:${field}`]);
  }
}

function collect(walk: Walk, value: unknown, path: string[]): void {
  if (value === undefined || value === null) return;
  if (isMap(value) && Object.keys(value).length > 0) {
    for (const [field, inner] of Object.entries(value)) collect(walk, inner, [...path, `f:${field}`]);
  } else if (Array.isArray(value)) {
    collectList(walk, value, path);
  } else {
    walk.found.set(path.join(separator), JSON.stringify(value));
  }
}

function collectList(walk: Walk, items: unknown[], path: string[]): void {
  const keys = keysOfList(walk.kind, fieldNames(path));
  if (keys === 'atomic') {
    walk.found.set(path.join(separator), JSON.stringify(items));
    return;
  }
  for (const item of items) {
    const at = [...path, itemKey(keys, item) ?? ''];
    walk.found.set([...at, itemItself].join(separator), '');
    if (isMap(item)) collect(walk, item, at);
  }
}

function fieldNames(path: readonly string[]): string[] {
  return path.filter((step) => step.startsWith('f:')).map((step) => step.slice(2));
}

/** The nested form of `fieldsV1`. */
export function toFieldsV1(paths: Iterable<string>): JsonMap {
  const root: JsonMap = {};
  for (const path of paths) {
    let at = root;
    for (const step of path.split(separator)) at = (at[step] ??= {}) as JsonMap;
  }
  return root;
}

export function fromFieldsV1(fields: unknown): Set<string> {
  const found = new Set<string>();
  const visit = (value: unknown, path: string[]) => {
    const steps = isMap(value) ? Object.entries(value) : [];
    if (steps.length === 0 && path.length > 0) found.add(path.join(separator));
    for (const [step, inner] of steps) visit(inner, [...path, step]);
  };
  visit(fields, []);
  return found;
}

/** A path as people read it in a conflict: `.spec.containers[name="a"].image`. */
export function readablePath(path: string): string {
  return path
    .split(separator)
    .filter((step) => step !== itemItself)
    .map((step) => (step.startsWith('f:') ? `.${step.slice(2)}` : readableItem(step)))
    .join('');
}

function readableItem(step: string): string {
  if (step.startsWith('v:')) return `[=${step.slice(2)}]`;
  const keys = Object.entries(JSON.parse(step.slice(2)) as JsonMap);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}

/** Takes a field, or an item of a keyed list, out of an object; maps and lists that end up empty go with it. */
export function removePath(object: ApiObject, path: string): void {
  const steps = path.split(separator);
  removeStep(object.kind, object, steps, []);
}

function removeStep(kind: string, at: unknown, [step = '', ...rest]: string[], names: string[]): unknown {
  if (Array.isArray(at)) return removeFromList(kind, at, [step, ...rest], names);
  if (!isMap(at)) return at;
  const field = step.slice(2);
  if (rest.length === 0) {
    Reflect.deleteProperty(at, field);
    return at;
  }
  const left = removeStep(kind, at[field], rest, [...names, field]);
  const empty = Array.isArray(left) ? left.length === 0 : isMap(left) && Object.keys(left).length === 0;
  if (left === undefined || empty) Reflect.deleteProperty(at, field);
  else at[field] = left;
  return at;
}

function removeFromList(kind: string, items: unknown[], [step = '', ...rest]: string[], names: string[]): unknown[] {
  const keys = keysOfList(kind, names);
  const index = items.findIndex((item) => itemKey(keys, item) === step);
  if (index < 0) return items;
  if (rest[0] === itemItself) return items.toSpliced(index, 1);
  removeStep(kind, items[index], rest, names);
  return items;
}
