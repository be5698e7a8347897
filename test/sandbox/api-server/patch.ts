import fastJsonPatch from 'fast-json-patch';
import type { Operation } from 'fast-json-patch';
import { copyOf, isMap } from './api-object.ts';
import type { JsonMap } from './api-object.ts';
import { keysOfList } from './list-keys.ts';

/** A JSON Patch that the document does not take: a failed test, a missing path, an unknown operation. */
export class InapplicablePatch extends Error {}

/** Applies a JSON Patch (RFC 6902) to a copy. As in the API server, `test` with null holds for an absent member. */
export function applyJsonPatch<T extends object>(document: T, operations: unknown): T {
  if (!Array.isArray(operations)) throw new InapplicablePatch('cannot unmarshal the patch: it is no array');
  let patched = copyOf(document);
  for (const operation of operations as Operation[]) {
    if (isTestOfAbsence(patched, operation)) continue;
    try {
      patched = fastJsonPatch.applyOperation(patched, operation, true).newDocument;
    } catch (error) {
      const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      throw new InapplicablePatch(`jsonpatch ${operation.op} operation does not apply: ${operation.path}: ${why}`);
    }
  }
  return patched;
}

function isTestOfAbsence(document: object, operation: Operation): boolean {
  if (operation.op !== 'test' || operation.value !== null) return false;
  const split = operation.path.lastIndexOf('/');
  const parent = valueAt(document, operation.path.slice(0, split));
  const member = fastJsonPatch.unescapePathComponent(operation.path.slice(split + 1));
  return isMap(parent) && (parent[member] === undefined || parent[member] === null);
}

function valueAt(document: object, pointer: string): unknown {
  const steps = pointer.split('/').slice(1).map(fastJsonPatch.unescapePathComponent);
  return steps.reduce<unknown>((at, step) => (at as JsonMap | undefined | null)?.[step], document);
}

/** JSON Merge Patch (RFC 7386), on a copy. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const merged: JsonMap = isMap(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(merged, field);
    else merged[field] = applyMergePatch(merged[field], value);
  }
  return merged;
}

/** Strategic merge patch, on a copy: like a merge patch, but lists with a merge key merge by it, and directives are obeyed. */
export function applyStrategicMergePatch(kind: string, target: unknown, patch: unknown, path: string[] = []): unknown {
  if (Array.isArray(patch)) return mergeLists(kind, Array.isArray(target) ? target : [], patch, path);
  if (!isMap(patch)) return patch;
  if (patch.$patch === 'replace') return withoutDirectives(patch);
  const merged: JsonMap = isMap(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$')) obeyDirective(merged, field, value);
    else if (isDeletion(value)) Reflect.deleteProperty(merged, field);
    else merged[field] = applyStrategicMergePatch(kind, merged[field], value, [...path, field]);
  }
  return merged;
}

function isDeletion(value: unknown): boolean {
  return value === null || (isMap(value) && value.$patch === 'delete');
}

/** `$setElementOrder` only orders what kubectl sent, and is left out here. */
function obeyDirective(merged: JsonMap, directive: string, value: unknown): void {
  if (directive.startsWith('$deleteFromPrimitiveList/')) {
    const field = directive.slice(directive.indexOf('/') + 1);
    const gone = Array.isArray(value) ? value : [];
    if (Array.isArray(merged[field])) merged[field] = merged[field].filter((item) => !gone.includes(item));
  }
  if (directive === '$retainKeys' && Array.isArray(value)) {
    for (const field of Object.keys(merged)) if (!value.includes(field)) Reflect.deleteProperty(merged, field);
  }
}

function mergeLists(kind: string, live: unknown[], patch: unknown[], path: string[]): unknown[] {
  const keys = keysOfList(kind, path);
  const replaced = patch.some((item) => isMap(item) && item.$patch === 'replace');
  if (keys === 'atomic' || replaced) return patch.filter((item) => !isMap(item) || item.$patch === undefined);
  if (keys === 'set') return [...new Set([...live, ...patch])];
  const key = keys[0] ?? 'name';
  const merged = new Map(live.map((item) => [(item as JsonMap)[key], item]));
  for (const item of patch.filter(isMap)) {
    if (item.$patch === 'delete') merged.delete(item[key]);
    else merged.set(item[key], applyStrategicMergePatch(kind, merged.get(item[key]), item, path));
  }
  return [...merged.values()];
}

function withoutDirectives(patch: JsonMap): JsonMap {
  return Object.fromEntries(Object.entries(patch).filter(([field]) => !field.startsWith('$')));
}
