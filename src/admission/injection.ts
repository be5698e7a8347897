import type { JsonPatchOperation } from '../kube/kube-client.ts';
import { isRecord } from '../json.ts';

/** Why an object is let through as it is. */
export type SkipReason =
  | 'Paused'
  | 'NotATarget'
  | 'OptedOut'
  | 'MirrorPod'
  | 'NamespaceTerminating'
  | 'BeingDeleted'
  | 'ForeignSecret'
  | 'AlreadyReferenced'
  | 'NoManagedImage'
  | 'OwnDetach'
  | 'NotConfigured'
  | 'SelfTest'
  | 'UnknownResource'
  | 'Unreadable';

/** What is to be done with one object: nothing, or a patch that appends the names that the list at `listPath` lacks. */
export type InjectionDecision =
  | { inject: false; reason: SkipReason }
  | { inject: true; listPath: string; list: readonly unknown[]; missing: readonly string[] };

/** A rule that lets an object through, or has no opinion. */
export type SkipPolicy<Subject> = (subject: Subject) => SkipReason | null;

/** The reason of the first policy that has one. */
export function firstReason<Subject>(policies: readonly SkipPolicy<Subject>[], subject: Subject): SkipReason | null {
  for (const policy of policies) {
    const reason = policy(subject);
    if (reason) return reason;
  }
  return null;
}

/**
 * Appends references to a list: never reorders, never drops. No `test`: a patch of a webhook that cannot be applied fails the
 * user's request, even under `Ignore`.
 *
 * @param secretNames that the list lacks.
 */
export function appendReferences(
  listPath: string,
  list: readonly unknown[],
  secretNames: readonly string[],
): JsonPatchOperation[] {
  const references = secretNames.map((name) => ({ name }));
  return list.length > 0
    ? references.map((reference) => ({ op: 'add', path: `${listPath}/-`, value: reference }))
    : [{ op: 'add', path: listPath, value: references }];
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function hasReference(list: readonly unknown[], secretName: string): boolean {
  return list.some((entry) => isRecord(entry) && entry.name === secretName);
}

export function missingReferences(list: readonly unknown[], secretNames: readonly string[]): string[] {
  return secretNames.filter((name) => !hasReference(list, name));
}
