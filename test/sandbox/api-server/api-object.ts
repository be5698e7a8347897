import type { ObjectMeta } from '../../../src/kube/objects.ts';

/** An object as the API server keeps it. What is stored is never changed in place: a change is a new object. */
export interface ApiObject {
  kind: string;
  apiVersion: string;
  metadata: ApiMetadata;
  [field: string]: unknown;
}

export interface ApiMetadata extends ObjectMeta {
  generation?: number;
  deletionGracePeriodSeconds?: number;
}

export type JsonMap = Record<string, unknown>;

export interface UserInfo {
  username: string;
  uid?: string;
  groups: string[];
}

/** The identity of a controller that runs with a ServiceAccount of kube-system. */
export function controllerUser(name: string): UserInfo {
  return {
    username: `system:serviceaccount:kube-system:${name}`,
    uid: `sandbox-${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asMap(value: unknown): JsonMap {
  return isMap(value) ? value : {};
}

export function asMaps(value: unknown): JsonMap[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function copyOf<T>(value: T): T {
  return structuredClone(value);
}

/** A shallow copy without some of the fields. */
export function without<T extends object>(map: T, ...fields: (keyof T & string)[]): T {
  return Object.fromEntries(Object.entries(map).filter(([field]) => !fields.includes(field as keyof T & string))) as T;
}
