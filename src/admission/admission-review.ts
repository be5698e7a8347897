import { isRecord, parseJson } from '../json.ts';
import type { JsonPatchOperation } from '../kube/kube-client.ts';
import type { ObjectMeta } from '../kube/objects.ts';
import { cutWarning } from './warning.ts';

/**
 * The request of an AdmissionReview, admission.k8s.io/v1, as far as decisions need it.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 */
export interface AdmissionRequest {
  uid: string;
  /** The plural of the resource, for example `pods`; with version and group, `pods.v1beta1.metrics.k8s.io`, where it is not of the core's v1. */
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

/** Never changed once it is made: many reviews may share it. */
export type AdmissionOutcome = Readonly<
  | {
      allowed: true;
      patch?: readonly JsonPatchOperation[];
      warnings?: readonly string[];
      auditAnnotations?: Readonly<Record<string, string>>;
    }
  | { allowed: false; message: string; retryAfterSeconds: number }
>;

const API_VERSION = 'admission.k8s.io/v1';
const KIND = 'AdmissionReview';

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
  const { uid, request } = readReview(parseJson(body));
  const { resource, options } = request;
  const object = admittedObject(request.object);
  if (!isRecord(resource) || !object) {
    throw new UnreadableReviewError('the AdmissionReview holds no resource, or no object with metadata', uid);
  }
  return {
    uid,
    resource: resourceName(resource),
    subresource: textOf(request.subResource),
    operation: textOf(request.operation),
    namespace: textOf(request.namespace),
    dryRun: request.dryRun === true,
    fieldManager: isRecord(options) ? textOf(options.fieldManager) : '',
    object,
    oldObject: admittedObject(request.oldObject),
  };
}

function readReview(review: unknown): { uid: string; request: Record<string, unknown> } {
  const { apiVersion, kind, request } = isRecord(review) ? review : {};
  if (!isRecord(request) || typeof request.uid !== 'string' || request.uid === '') {
    throw new UnreadableReviewError('the body is no AdmissionReview with a request.uid');
  }
  const { uid } = request;
  if (apiVersion === API_VERSION && kind === KIND) return { uid, request };
  throw new UnreadableReviewError(`only an ${KIND} of ${API_VERSION} is understood`, uid);
}

function resourceName({ group, version, resource }: Record<string, unknown>): string {
  const isCore = group === '' && version === 'v1';
  return isCore ? textOf(resource) : [resource, version, group].map(textOf).join('.');
}

function admittedObject(value: unknown): AdmittedObject | undefined {
  return isRecord(value) && isRecord(value.metadata) ? (value as AdmittedObject & typeof value) : undefined;
}

/** The JSON of responses but for their `uid`, which alone is another in each review that is decided alike. */
const responses = new WeakMap<AdmissionOutcome, string>();

/** The AdmissionReview that answers, as JSON. */
export function formatAdmissionReview(uid: string, outcome: AdmissionOutcome): string {
  let response = responses.get(outcome);
  if (response === undefined) {
    response = JSON.stringify(responseOf(outcome));
    responses.set(outcome, response);
  }
  const withUid = `{"uid":${JSON.stringify(uid)},${response.slice(1)}`;
  return `{"apiVersion":"${API_VERSION}","kind":"${KIND}","response":${withUid}}`;
}

function responseOf(outcome: AdmissionOutcome): object {
  if (!outcome.allowed) {
    const { message, retryAfterSeconds } = outcome;
    const status = {
      status: 'Failure',
      code: 503,
      reason: 'ServiceUnavailable',
      message,
      details: { retryAfterSeconds },
    };
    return { allowed: false, status };
  }
  const { patch = [], warnings = [], auditAnnotations } = outcome;
  const isPatched = patch.length > 0;
  // What is undefined is not in the JSON.
  return {
    allowed: true,
    patchType: isPatched ? 'JSONPatch' : undefined,
    patch: isPatched ? Buffer.from(JSON.stringify(patch)).toString('base64') : undefined,
    warnings: warnings.length > 0 ? warnings.map(cutWarning) : undefined,
    auditAnnotations,
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
