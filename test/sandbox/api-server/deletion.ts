import { asMap } from './api-object.ts';
import type { ApiObject } from './api-object.ts';

/** Do finalizers keep a deleted object? */
export function isHeld({ kind, metadata, spec }: ApiObject): boolean {
  const { finalizers } = asMap(spec);
  const ofNamespace = kind === 'Namespace' && Array.isArray(finalizers) ? finalizers.length : 0;
  return ofNamespace + (metadata.finalizers?.length ?? 0) > 0;
}

/** The object while finalizers keep it. */
export function markDeleted(object: ApiObject, deletionTimestamp: string): ApiObject {
  const metadata = { ...object.metadata, deletionTimestamp };
  if (object.kind === 'Namespace') {
    return { ...object, metadata, status: { ...asMap(object.status), phase: 'Terminating' } };
  }
  return { ...object, metadata: { ...metadata, deletionGracePeriodSeconds: 0 } };
}
