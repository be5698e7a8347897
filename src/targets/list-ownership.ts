import { FIELD_MANAGER, isOurs } from '../kube/field-manager.ts';
import type { JsonPatchOperation } from '../kube/kube-client.ts';
import type { ManagedFieldsEntry, ServiceAccount } from '../kube/objects.ts';

/**
 * `imagePullSecrets` of a ServiceAccount is an atomic list: who owns it owns all of it, and the next `helm upgrade` of a chart
 * that has it too would fail with a conflict. A patch of the list makes its author the owner, in the same step, whatever the
 * patch says of `metadata.managedFields`. So a second patch gives the list back, and since this service may end between the two,
 * the first one's field manager says to whom: `acr-credential-injector?Apply=helm`.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */

const LIST_FIELD = 'f:imagePullSecrets';
/** The API server refuses longer names of field managers. */
const NAME_LIMIT = 128;

/** Who the API server says wrote a ServiceAccount's `imagePullSecrets`. */
export type ListOwner = 'nobody' | 'us' | 'other';

export function listOwner({ metadata }: ServiceAccount): ListOwner {
  const owners = ownersOf(metadata.managedFields);
  if (owners.some(({ manager }) => isOurs(manager))) return 'us';
  return owners.length > 0 ? 'other' : 'nobody';
}

/** The field manager under which to change the list: it names the present owners, as many as find room. */
export function fieldManagerFor({ metadata }: ServiceAccount): string {
  const entries = metadata.managedFields ?? [];
  const owners = ownersOf(entries).flatMap((entry) => (isOurs(entry.manager) ? formerOwners(entry) : [entry]));
  let name = FIELD_MANAGER;
  for (const { operation = 'Update', manager = '' } of owners) {
    const longer = `${name}${name === FIELD_MANAGER ? '?' : '&'}${new URLSearchParams({ [operation]: manager }).toString()}`;
    if (longer.length <= NAME_LIMIT) name = longer;
  }
  return name;
}

/**
 * Gives the list back to who owned it before us, or null when nothing is ours. An entry that its owner's next apply leaves out
 * then goes.
 *
 * An empty list of managed fields would be taken for that of a client that knows nothing of them, and be ignored: one of one
 * empty entry empties it. Whoever applies then meets a conflict with `before-first-apply`, so that is for want of anything better.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields
 */
export function releasePatch({ metadata }: ServiceAccount): JsonPatchOperation[] | null {
  const entries = metadata.managedFields ?? [];
  const ours = entries.filter(({ manager }) => isOurs(manager));
  if (ours.length === 0) return null;
  const former = ours.filter(ownsList).flatMap((entry) => formerOwners(entry).map((owner) => ({ ...entry, ...owner })));
  const released = former.reduce(
    withList,
    entries.filter((entry) => !ours.includes(entry)),
  );
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
    { op: 'replace', path: '/metadata/managedFields', value: released.length > 0 ? released : [{}] },
  ];
}

type OwnerName = Required<Pick<ManagedFieldsEntry, 'operation' | 'manager'>>;

function formerOwners({ manager = '' }: ManagedFieldsEntry): OwnerName[] {
  const owners = new URLSearchParams(manager.slice(FIELD_MANAGER.length));
  return [...owners].map(([operation, name]) => ({
    operation: operation === 'Apply' ? 'Apply' : 'Update',
    manager: name,
  }));
}

/** The entries with the list among the fields of this owner, who may have no entry any more. */
function withList(entries: ManagedFieldsEntry[], owner: ManagedFieldsEntry): ManagedFieldsEntry[] {
  const known = entries.find(
    ({ manager, operation, subresource }) =>
      manager === owner.manager && operation === owner.operation && subresource === undefined,
  );
  const fieldsV1 = { ...known?.fieldsV1, [LIST_FIELD]: {} };
  return [...entries.filter((entry) => entry !== known), { ...(known ?? owner), fieldsV1 }];
}

function ownersOf(managedFields: readonly ManagedFieldsEntry[] = []): ManagedFieldsEntry[] {
  return managedFields.filter(ownsList);
}

function ownsList({ fieldsV1 }: ManagedFieldsEntry): boolean {
  return fieldsV1 !== undefined && LIST_FIELD in fieldsV1;
}
