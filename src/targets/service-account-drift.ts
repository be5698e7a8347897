import { FIELD_MANAGER } from '../kube/field-manager.ts';
import type { JsonPatchOperation } from '../kube/kube-client.ts';
import type { LocalObjectReference, ManagedFieldsEntry, ServiceAccount } from '../kube/objects.ts';
import type { SecretReferences } from './secret-references.ts';
import { isOptedOut } from './target-selector.ts';

/** Who the API server says wrote a ServiceAccount's `imagePullSecrets`. */
export type ListOwner = 'nobody' | 'us' | 'other';

/** What is kept in memory of a ServiceAccount. */
export interface ObservedServiceAccount {
  readonly resourceVersion: string;
  /** The names of pull Secrets in its list. */
  readonly references: readonly string[];
  readonly optedOut: boolean;
  readonly listOwner: ListOwner;
}

/** @param secretNames of all pull Secrets that a namespace could have. */
export function observeServiceAccount(
  serviceAccount: ServiceAccount,
  secretNames: readonly string[],
): ObservedServiceAccount {
  const { metadata, imagePullSecrets } = serviceAccount;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    references: secretNames.filter((name) => references(imagePullSecrets, name)),
    optedOut: isOptedOut(metadata),
    listOwner: listOwner(metadata.managedFields),
  };
}

export function references(list: readonly LocalObjectReference[] | undefined, secretName: string): boolean {
  return list?.some(({ name }) => name === secretName) ?? false;
}

/** What is wrong with a ServiceAccount, in terms of what mends it. */
export type ServiceAccountDrift = 'Attach' | 'Detach' | 'ReleaseOwnership';

/** Does the configuration select the ServiceAccount, or did it until its last edit? */
export type Selection = 'selected' | 'deselected' | 'never';

/**
 * What is to be done to a ServiceAccount, or null.
 *
 * `imagePullSecrets` is an atomic list: who owns it owns all of it, and the next `helm upgrade` of a chart that has it too would
 * fail with a conflict. So ownership that a patch of ours left is given back. A reference to a Secret of our name that no
 * configuration ever selected is taken away only where nobody else wrote the list: people write that name into their charts.
 *
 * @param wanted empty unless it is selected.
 */
export function serviceAccountDrift(
  observed: ObservedServiceAccount,
  selection: Selection,
  wanted: SecretReferences,
): ServiceAccountDrift | null {
  const { references: found, listOwner: owner } = observed;
  if (observed.optedOut) return owner === 'us' ? 'ReleaseOwnership' : null;
  if (!wanted.attach.every((name) => found.includes(name))) return 'Attach';
  const hasLeftover = !found.every((name) => wanted.keep.includes(name));
  if (hasLeftover && (selection === 'deselected' || owner !== 'other')) return 'Detach';
  return owner === 'us' ? 'ReleaseOwnership' : null;
}

/**
 * Appends the references that are missing, or null when all are there. The `test` makes the patch fail (422) if somebody
 * changed the list since: no other entry can be lost.
 */
export function attachPatch(
  { imagePullSecrets: list }: ServiceAccount,
  secretNames: readonly string[],
): JsonPatchOperation[] | null {
  const missing = secretNames.filter((name) => !references(list, name)).map((name) => ({ name }));
  if (missing.length === 0) return null;
  return list && list.length > 0
    ? [
        { op: 'test', path: '/imagePullSecrets', value: list },
        ...missing.map((entry) => ({ op: 'add' as const, path: '/imagePullSecrets/-', value: entry })),
      ]
    : [
        { op: 'test', path: '/imagePullSecrets', value: list ?? null },
        { op: 'add', path: '/imagePullSecrets', value: missing },
      ];
}

/** Takes the references away, under the same guard, or null when none is there. */
export function detachPatch(
  { imagePullSecrets: list = [] }: ServiceAccount,
  secretNames: readonly string[],
): JsonPatchOperation[] | null {
  const rest = list.filter(({ name }) => name === undefined || !secretNames.includes(name));
  if (rest.length === list.length) return null;
  return [
    { op: 'test', path: '/imagePullSecrets', value: list },
    rest.length > 0
      ? { op: 'replace', path: '/imagePullSecrets', value: rest }
      : { op: 'remove', path: '/imagePullSecrets' },
  ];
}

/**
 * Gives `metadata.managedFields` back as it was before our patch: who owned the list then owns it again, and an entry that its
 * next apply leaves out goes. Null when nothing is ours.
 *
 * An empty list would be taken for that of a client that knows nothing of managed fields, and be ignored: a list of one empty
 * entry empties it. Whoever applies then meets a conflict with `before-first-apply`, so that is for want of anything better.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields
 *
 * @param before the ServiceAccount that was patched, where it is still known.
 */
export function releasePatch(
  { metadata }: ServiceAccount,
  before: ServiceAccount = { metadata },
): JsonPatchOperation[] | null {
  if (!metadata.managedFields?.some(isOurs)) return null;
  const others = (before.metadata.managedFields ?? []).filter((entry) => !isOurs(entry));
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
    { op: 'replace', path: '/metadata/managedFields', value: others.length > 0 ? others : [{}] },
  ];
}

function isOurs({ manager }: ManagedFieldsEntry): boolean {
  return manager === FIELD_MANAGER;
}

function listOwner(managedFields: readonly ManagedFieldsEntry[] = []): ListOwner {
  const owners = managedFields.filter(({ fieldsV1 }) => fieldsV1 && 'f:imagePullSecrets' in fieldsV1);
  if (owners.some(isOurs)) return 'us';
  return owners.length > 0 ? 'other' : 'nobody';
}
