import { isRecord, parseJson } from '../json.ts';
import type { JsonPatchOperation } from '../kube/kube-client.ts';
import type { ObjectMeta } from '../kube/objects.ts';

/**
 * The request of an AdmissionReview, admission.k8s.io/v1, as far as decisions need it.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 */
export interface AdmissionRequest {
  uid: string;
  /** The plural of the resource, for example `pods`. */
  resource: string;
  subresource: string;
  operation: string;
  /** Of the request: an object that is being created may not name its own. */
  namespace: string;
  dryRun: boolean;
  /** From the request's options: who the API server will record as the writer. */
  fieldManager: string;
  object: AdmittedObject;
  /** The object as it was, on an UPDATE. */
  oldObject: AdmittedObject | undefined;
}

/** An object under review. Only `metadata` is sure to be there. */
export interface AdmittedObject {
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export type AdmissionOutcome =
  | { allowed: true; patch?: JsonPatchOperation[]; warnings?: string[]; auditAnnotations?: Record<string, string> }
  | { allowed: false; message: string; retryAfterSeconds: number };

/** Longer warnings are cut by the API server. */
const WARNING_LIMIT = 120;

/** A body that is no AdmissionReview; `uid` where one could be read. */
export class UnreadableReviewError extends Error {
  readonly uid: string | undefined;

  constructor(message: string, uid?: string) {
    super(message);
    this.name = 'UnreadableReviewError';
    this.uid = uid;
  }
}

/** @throws UnreadableReviewError */
export function parseAdmissionReview(body: string): AdmissionRequest {
  const review = parseJson(body);
  const request = isRecord(review) ? review.request : undefined;
  if (!isRecord(request) || typeof request.uid !== 'string' || request.uid === '') {
    throw new UnreadableReviewError('the body is no AdmissionReview with a request.uid');
  }
  const { uid, resource, options } = request;
  const object = admittedObject(request.object);
  if (!isRecord(resource) || !object) {
    throw new UnreadableReviewError('the AdmissionReview holds no resource, or no object with metadata', uid);
  }
  return {
    uid,
    resource: textOf(resource.resource),
    subresource: textOf(request.subResource),
    operation: textOf(request.operation),
    namespace: textOf(request.namespace),
    dryRun: request.dryRun === true,
    fieldManager: isRecord(options) ? textOf(options.fieldManager) : '',
    object,
    oldObject: admittedObject(request.oldObject),
  };
}

function admittedObject(value: unknown): AdmittedObject | undefined {
  return isRecord(value) && isRecord(value.metadata) ? (value as AdmittedObject & typeof value) : undefined;
}

/** The AdmissionReview that answers, as JSON. */
export function formatAdmissionReview(uid: string, outcome: AdmissionOutcome): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: responseOf(uid, outcome),
  });
}

function responseOf(uid: string, outcome: AdmissionOutcome): object {
  if (!outcome.allowed) {
    const { message, retryAfterSeconds } = outcome;
    const status = {
      status: 'Failure',
      code: 503,
      reason: 'ServiceUnavailable',
      message,
      details: { retryAfterSeconds },
    };
    return { uid, allowed: false, status };
  }
  const { patch, warnings, auditAnnotations } = outcome;
  return {
    uid,
    allowed: true,
    ...(patch &&
      patch.length > 0 && { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
    ...(warnings && warnings.length > 0 && { warnings: warnings.map((warning) => warning.slice(0, WARNING_LIMIT)) }),
    ...(auditAnnotations && { auditAnnotations }),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
