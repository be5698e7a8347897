import { FIELD_MANAGER } from '../kube/field-manager.ts';
import type { JsonPatchOperation } from '../kube/kube-client.ts';
import type { LocalObjectReference, ManagedFieldsEntry, ServiceAccount } from '../kube/objects.ts';
import { isOptedOut } from './target-selector.ts';

/** Who the API server says wrote a ServiceAccount's `imagePullSecrets`. */
export type ListOwner = 'nobody' | 'us' | 'other';

/** What is kept in memory of a ServiceAccount. */
export interface ObservedServiceAccount {
  readonly resourceVersion: string;
  readonly hasReference: boolean;
  readonly optedOut: boolean;
  readonly listOwner: ListOwner;
}

export function observeServiceAccount(serviceAccount: ServiceAccount, secretName: string): ObservedServiceAccount {
  const { metadata, imagePullSecrets } = serviceAccount;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    hasReference: references(imagePullSecrets, secretName),
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
 */
export function serviceAccountDrift(
  observed: ObservedServiceAccount,
  selection: Selection,
): ServiceAccountDrift | null {
  const { hasReference, listOwner: owner } = observed;
  if (observed.optedOut) return owner === 'us' ? 'ReleaseOwnership' : null;
  if (selection === 'selected' && !hasReference) return 'Attach';
  const isLeftover = selection === 'deselected' || (selection === 'never' && owner !== 'other');
  if (hasReference && isLeftover) return 'Detach';
  return owner === 'us' ? 'ReleaseOwnership' : null;
}

/**
 * Appends the reference, or null when it is there. The `test` makes the patch fail (422) if somebody changed the list since:
 * no other entry can be lost.
 */
export function attachPatch(
  { imagePullSecrets: list }: ServiceAccount,
  secretName: string,
): JsonPatchOperation[] | null {
  if (references(list, secretName)) return null;
  const entry = { name: secretName };
  return list && list.length > 0
    ? [
        { op: 'test', path: '/imagePullSecrets', value: list },
        { op: 'add', path: '/imagePullSecrets/-', value: entry },
      ]
    : [
        { op: 'test', path: '/imagePullSecrets', value: list ?? null },
        { op: 'add', path: '/imagePullSecrets', value: [entry] },
      ];
}

/** Takes the reference away, under the same guard, or null when it is not there. */
export function detachPatch(
  { imagePullSecrets: list = [] }: ServiceAccount,
  secretName: string,
): JsonPatchOperation[] | null {
  const rest = list.filter(({ name }) => name !== secretName);
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
