import type { ApiObject } from './api-object.ts';
import { withoutAbsent } from './decode.ts';
import type { StoredObject } from './object-store.ts';
import { conflict, invalid } from './status-error.ts';
import { fieldError } from './validation.ts';

export interface Preconditions {
  uid?: string;
  resourceVersion?: string;
}

/** What no client can change; a name or uid of another object is refused. */
export function keepIdentity({ object: live, resource, name }: StoredObject, next: ApiObject): void {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, namespace } =
    live.metadata;
  if (next.metadata.uid !== undefined && next.metadata.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${next.metadata.uid}, UID in object meta: ${uid ?? ''}`;
    throw conflict(resource, name, why);
  }
  const kept = { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, namespace };
  next.metadata = withoutAbsent({ ...next.metadata, ...kept }) as ApiObject['metadata'];
}

/** An update from another version than the present one is refused, and one from no version where the resource needs it. */
export function refuseStale({ object: live, resource, name }: StoredObject, version: string): void {
  if (version === '' && !resource.unconditionalUpdate) {
    const error = fieldError('Invalid', 'metadata.resourceVersion', '0x0: must be specified for an update');
    throw invalid(resource, name, [error]);
  }
  if (version !== '' && version !== live.metadata.resourceVersion) throw conflict(resource, name);
}

/** The preconditions of a deletion. */
export function refuseUnmet({ object, resource, name }: StoredObject, { uid, resourceVersion }: Preconditions): void {
  const { metadata } = object;
  const named = { plural: resource.kind, group: resource.group };
  if (uid !== undefined && uid !== metadata.uid) {
    const record = `UID in record (${metadata.uid ?? ''}). The object might have been deleted and then recreated`;
    throw conflict(named, name, `the UID in the precondition (${uid}) does not match the ${record}`);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const record = `ResourceVersion in record (${metadata.resourceVersion ?? ''}). The object might have been modified`;
    throw conflict(
      named,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ${record}`,
    );
  }
}
