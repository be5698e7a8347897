import { randomUUID } from 'node:crypto';
import type { Status } from '../../../src/kube/objects.ts';
import { isMap } from './api-object.ts';
import type { ApiObject, JsonMap } from './api-object.ts';
import type { AdmissionAttributes } from './admission-attributes.ts';

/** The `response` of an AdmissionReview, after the checks that the API server makes. */
export interface AdmissionResponse {
  allowed: boolean;
  status?: Status;
  /** JSON Patch, decoded. */
  patch?: string;
  warnings?: string[];
  auditAnnotations?: Record<string, string>;
}

export interface AdmissionReviewRequest {
  uid: string;
  /** The whole review, as JSON. */
  review: string;
  request: JsonMap;
}

const optionKinds = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' };

/** The admission.k8s.io/v1 AdmissionReview that asks about a write. */
export function reviewOf(attributes: AdmissionAttributes): AdmissionReviewRequest {
  const { resource, subresource, operation, user, dryRun, options } = attributes;
  const { group, version, kind, plural } = resource;
  const uid = randomUUID();
  const request = {
    uid,
    kind: { group, version, kind },
    resource: { group, version, resource: plural },
    ...(subresource && { subResource: subresource }),
    requestKind: { group, version, kind },
    requestResource: { group, version, resource: plural },
    ...(subresource && { requestSubResource: subresource }),
    ...(attributes.name && { name: attributes.name }),
    ...(attributes.namespace && { namespace: attributes.namespace }),
    operation,
    userInfo: user,
    object: attributes.object ? wireObject(attributes.object) : null,
    oldObject: attributes.oldObject ? wireObject(withoutManagedFields(attributes.oldObject)) : null,
    dryRun,
    options: { kind: optionKinds[operation], apiVersion: 'meta.k8s.io/v1', ...options },
  };
  const review = JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request });
  return { uid, review, request };
}

/** An object as it leaves the server: a creation time that is not there yet is null. */
export function wireObject({ kind, apiVersion, metadata, ...rest }: ApiObject): JsonMap {
  const { name, generateName, namespace, uid, resourceVersion, creationTimestamp = null, ...others } = metadata;
  const ordered = { name, generateName, namespace, uid, resourceVersion, creationTimestamp, ...others };
  return { kind, apiVersion, metadata: ordered, ...rest };
}

function withoutManagedFields(object: ApiObject): ApiObject {
  const { managedFields, ...metadata } = object.metadata;
  return managedFields ? { ...object, metadata } : object;
}

/** Reads what a webhook answered. Throws an Error with the API server's text where it is no answer to this request. */
export function readReview(body: string, uid: string): AdmissionResponse {
  const review = parse(body);
  const { kind, apiVersion, response } = review;
  if (kind !== 'AdmissionReview' || apiVersion !== 'admission.k8s.io/v1') {
    throw new Error(
      `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${String(apiVersion)}, Kind=${String(kind)}`,
    );
  }
  if (!isMap(response)) throw new Error('webhook response was absent');
  if (response.uid !== uid)
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid)}`);
  const patch = readPatch(response);
  return {
    allowed: response.allowed === true,
    status: response.status as Status | undefined,
    ...(patch !== undefined && { patch }),
    warnings: (response.warnings ?? []) as string[],
    auditAnnotations: (response.auditAnnotations ?? {}) as Record<string, string>,
  };
}

function readPatch({ patch, patchType }: JsonMap): string | undefined {
  if (typeof patch !== 'string' || patch === '') {
    if (patchType !== undefined) throw new Error('webhook returned response.patchType but not response.patch');
    return undefined;
  }
  if (patchType === undefined) throw new Error('webhook returned response.patch but not response.patchType');
  if (patchType !== 'JSONPatch')
    throw new Error(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
  return Buffer.from(patch, 'base64').toString();
}

function parse(body: string): JsonMap {
  try {
    const parsed: unknown = JSON.parse(body);
    if (isMap(parsed)) return parsed;
  } catch {
    // Told below, like any other body that is no review.
  }
  throw new Error('the webhook did not answer with an AdmissionReview');
}
