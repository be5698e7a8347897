import { load } from 'js-yaml';
import { messageOf } from '../../../src/errors.ts';
import { asMap, asText, copyOf, isMap } from './api-object.ts';
import type { ApiObject, UserInfo } from './api-object.ts';
import { applyConfiguration } from './apply.ts';
import { withoutAbsent } from './decode.ts';
import type { Author } from './managed-fields.ts';
import type { Change, WriteRequest } from './object-writer.ts';
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, InapplicablePatch } from './patch.ts';
import type { RequestInfo } from './request-info.ts';
import { badRequest, invalid, unprocessablePatch, unsupportedMediaType } from './status-error.ts';
import type { FieldError, StatusError } from './status-error.ts';
import { scaleOf } from './subresources.ts';
import { fieldError } from './validation.ts';

/** A request for a resource, read as far as every verb needs it. */
export interface ApiRequest {
  info: RequestInfo;
  query: URLSearchParams;
  contentType: string;
  userAgent: string;
  body: string;
  user: UserInfo;
  warn: (text: string) => void;
}

const applyType = 'application/apply-patch+yaml';
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  applyType,
];

const bodyTypes = ['application/json', 'application/yaml'];

/** Who writes, and how. */
export function writeRequestOf({ query, user, userAgent, warn }: ApiRequest): WriteRequest {
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All')) {
    const message = `Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`;
    throw invalidOptions('CreateOptions', { reason: 'FieldValueNotSupported', field: 'dryRun', message });
  }
  const fieldManager = query.get('fieldManager') ?? '';
  const manager = fieldManager || (userAgent.split('/')[0] ?? '').slice(0, 128);
  return { user, dryRun: dryRun.length > 0, ...(fieldManager && { fieldManager }), manager, warn };
}

/** What a PUT wants. */
export function updateOf(request: ApiRequest): Change {
  const { resource, subresource } = request.info;
  const body = parseBody(request);
  if (isMap(body) && !asText(asMap(body.metadata).name)) {
    throw nameMissing(request.info);
  }
  return {
    next: (live) => (subresource === 'scale' ? fromScale(live, body) : copyOf(body)) as ApiObject,
    mayCreate: resource.plural === 'leases',
  };
}

/** What a PATCH of the other three types wants. */
export function patchOf({ info, contentType, ...request }: ApiRequest): Change {
  if (!patchTypes.includes(contentType)) throw unsupportedMediaType(patchTypes);
  const patch = parseBody({ ...request, contentType });
  return {
    next: (live = {} as ApiObject) =>
      info.subresource === 'scale'
        ? fromScale(live, patched(info, contentType, scaleOf(live), patch))
        : (patched(info, contentType, live, patch) as ApiObject),
  };
}

export function isApply({ contentType }: ApiRequest): boolean {
  return contentType === applyType;
}

/** What a server-side apply wants. */
export function applyOf(request: ApiRequest, author: Author): Change {
  const { info, query } = request;
  if (!query.get('fieldManager')) {
    throw invalidOptions('PatchOptions', fieldError('Required', 'fieldManager', 'is required for apply patch'));
  }
  const applied = appliedObject(request);
  const force = query.get('force') === 'true';
  const next = (live: ApiObject | undefined) => applyConfiguration(live, applied, author, force);
  return { next, records: true, mayCreate: info.subresource === '' };
}

function nameMissing({ name }: RequestInfo): StatusError {
  return badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
}

function invalidOptions(kind: string, error: FieldError): StatusError {
  return invalid({ kind, group: 'meta.k8s.io' }, '', [error]);
}

/** The object whose Scale somebody wrote. */
function fromScale(live: ApiObject | undefined, scale: unknown): ApiObject {
  return { ...live, spec: { ...asMap(live?.spec), replicas: asMap(asMap(scale).spec).replicas } } as ApiObject;
}

function patched({ resource }: RequestInfo, contentType: string, live: object, patch: unknown): unknown {
  if (contentType === 'application/merge-patch+json') return applyMergePatch(live, patch);
  if (contentType === 'application/strategic-merge-patch+json')
    return applyStrategicMergePatch(resource.kind, live, patch);
  try {
    return applyJsonPatch(live, patch);
  } catch (error) {
    if (error instanceof InapplicablePatch) throw unprocessablePatch();
    throw error;
  }
}

function appliedObject(request: ApiRequest): ApiObject {
  const parsed = withoutAbsent(parseBody(request));
  if (!isMap(parsed)) throw badRequest('error decoding YAML: it is no object');
  const { kind, apiVersion, metadata } = parsed;
  if (!kind || !apiVersion) throw badRequest(`invalid object type: /, Kind=${asText(kind)}`);
  const { managedFields, name } = asMap(metadata);
  if (managedFields) throw badRequest('metadata.managedFields must be nil');
  if (!name) throw nameMissing(request.info);
  return parsed as unknown as ApiObject;
}

/** The body as JSON or YAML; a 415 for anything else. */
export function parseBody({ body, contentType }: Pick<ApiRequest, 'body' | 'contentType'>): unknown {
  if (![...bodyTypes, ...patchTypes, ''].includes(contentType)) throw unsupportedMediaType(bodyTypes);
  try {
    return contentType.includes('yaml') ? load(body) : JSON.parse(body);
  } catch (error) {
    throw badRequest(`the body of the request could not be read: ${messageOf(error)}`);
  }
}
