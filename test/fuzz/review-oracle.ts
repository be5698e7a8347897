import jsonPatch, { type Operation } from 'fast-json-patch';

/** What a webhook answered, or that it did not. */
export interface Answer {
  status: number;
  body: string;
}

interface Review {
  kind?: unknown;
  apiVersion?: unknown;
  response?: Response;
}

interface Response {
  uid?: unknown;
  allowed?: unknown;
  patchType?: string;
  patch?: string;
  warnings?: string[];
}

/** What is wrong with the answer to a body; undefined: nothing. */
export function faultOf(body: Uint8Array, { status, body: text }: Answer): string | undefined {
  const sent = fieldOf(parsed(Buffer.from(body).toString()), 'request');
  const uid = fieldOf(sent, 'uid');
  const { error, ...review } = (parsed(text) ?? {}) as Review & { error?: unknown };
  if (typeof uid !== 'string' || uid === '') {
    return status === 400 && error ? undefined : `${status} where no uid can be read`;
  }
  if (status !== 200) return `${status} for a review with a uid`;
  const { response = {} } = review;
  return faultOfResponse(uid, review) ?? faultOfPatch(response, fieldOf(sent, 'object'));
}

function faultOfResponse(uid: string, { kind, apiVersion, response = {} }: Review): string | undefined {
  if (kind !== 'AdmissionReview' || apiVersion !== 'admission.k8s.io/v1') return 'no AdmissionReview';
  const { allowed, warnings = [] } = response;
  if (response.uid !== uid) return 'an answer with another uid';
  if (allowed !== true) return 'a denial under Ignore';
  return warnings.every(({ length }) => length > 0 && length <= 120) ? undefined : 'a warning that is too long';
}

function faultOfPatch({ patch, patchType }: Response, object: unknown): string | undefined {
  if (patch === undefined) return undefined;
  const operations = parsed(Buffer.from(patch, 'base64').toString()) as Operation[];
  if (patchType !== 'JSONPatch' || operations.length === 0) return 'an empty patch';
  if (operations.some(({ op }) => op !== 'add')) return 'a patch that does more than add';
  try {
    jsonPatch.applyPatch(structuredClone(object), operations, true, true, false);
    return undefined;
  } catch {
    return 'a patch that cannot be applied';
  }
}

/** Of what may be no object at all. */
function fieldOf(value: unknown, key: string): unknown {
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return isObject ? (value as Record<string, unknown>)[key] : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
