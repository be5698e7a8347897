import { otherManagers } from '../kube/field-manager.ts';
import type { JsonPatchOperation } from '../kube/kube-client.ts';
import type { LocalObjectReference, ServiceAccount } from '../kube/objects.ts';
import { Remembered } from '../remembered.ts';
import { listOwner, type ListOwner } from './list-ownership.ts';
import type { SecretReferences } from './secret-references.ts';
import { isOptedOut } from './target-selector.ts';

/** What is kept in memory of a ServiceAccount. */
export interface ObservedServiceAccount {
  readonly resourceVersion: string;
  /** The names of pull Secrets in its list. */
  readonly references: readonly string[];
  readonly optedOut: boolean;
  readonly deleting: boolean;
  readonly listOwner: ListOwner;
  /** The field managers that wrote it beside us, the latest first. */
  readonly managers: readonly string[];
  /** By the API server's clock, in milliseconds since the epoch. */
  readonly createdAt: number;
}

/** @param secretNames of all pull Secrets that a namespace could have. */
export function observeServiceAccount(
  serviceAccount: ServiceAccount,
  secretNames: readonly string[],
): ObservedServiceAccount {
  const { metadata, imagePullSecrets } = serviceAccount;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    references: shared(secretNames.filter((name) => references(imagePullSecrets, name))),
    optedOut: isOptedOut(metadata),
    deleting: metadata.deletionTimestamp !== undefined,
    listOwner: listOwner(serviceAccount),
    managers: shared(otherManagers(metadata)),
    createdAt: Date.parse(metadata.creationTimestamp ?? ''),
  };
}

const lists = new Remembered<readonly string[]>();

/** The same list for all that are alike, of which a cluster has tens of thousands. */
function shared(list: readonly string[]): readonly string[] {
  return lists.of(list.join('\n'), () => list);
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
 * Ownership of the list that a patch of ours left is given back. A reference to a Secret of our name that no
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
  if (observed.deleting) return null;
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
