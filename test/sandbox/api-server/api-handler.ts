import { load } from 'js-yaml';
import { messageOf } from '../../../src/errors.ts';
import { applyConfiguration } from './apply.ts';
import { asMap, asText, copyOf, isMap } from './api-object.ts';
import type { ApiObject, UserInfo } from './api-object.ts';
import { withoutNulls } from './decode.ts';
import type { ListPages } from './list-pages.ts';
import { jsonOf } from './object-store.ts';
import type { ObjectStore } from './object-store.ts';
import type { Change, ObjectWriter, Preconditions, WriteRequest, WriteResult } from './object-writer.ts';
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, InapplicablePatch } from './patch.ts';
import type { RequestInfo } from './request-info.ts';
import { parseSelectors } from './selectors.ts';
import {
  badRequest,
  internalError,
  invalid,
  notFound,
  unprocessablePatch,
  unsupportedMediaType,
} from './status-error.ts';
import type { FieldError, StatusError } from './status-error.ts';
import { fieldError } from './validation.ts';
import { scaleOf } from './subresources.ts';

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

export interface ApiAnswer {
  code: number;
  json: string;
}

const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

/** Answers every verb but watch. */
export class ApiHandler {
  readonly #store: ObjectStore;
  readonly #writer: ObjectWriter;
  readonly #lists: ListPages;

  constructor(store: ObjectStore, writer: ObjectWriter, lists: ListPages) {
    this.#store = store;
    this.#writer = writer;
    this.#lists = lists;
  }

  async handle(request: ApiRequest): Promise<ApiAnswer> {
    switch (request.info.verb) {
      case 'get':
        return this.#get(request);
      case 'list':
        return this.#list(request);
      case 'create':
        return this.#create(request);
      case 'update':
        return answer(request, await this.#writer.change(request.info, updateOf(request), writeRequestOf(request)));
      case 'patch':
        return answer(request, await this.#patch(request));
      case 'delete':
        return this.#delete(request);
      case 'deletecollection':
        return this.#deleteCollection(request);
      case 'watch':
        throw internalError('a watch is no single answer');
    }
  }

  #get({ info }: ApiRequest): ApiAnswer {
    const stored = this.#store.get(info.resource, info.namespace, info.name);
    if (!stored) throw notFound(info.resource, info.name);
    return { code: 200, json: info.subresource === 'scale' ? JSON.stringify(scaleOf(stored.object)) : jsonOf(stored) };
  }

  #list({ info, query }: ApiRequest): ApiAnswer {
    const json = this.#lists.list({
      ...info,
      matches: selectorsOf(info, query),
      limit: Number(query.get('limit') ?? 0),
      continueToken: query.get('continue') ?? '',
      resourceVersion: query.get('resourceVersion') ?? '',
    });
    return { code: 200, json };
  }

  async #create(request: ApiRequest): Promise<ApiAnswer> {
    const body = parseBody(request);
    return answer(request, await this.#writer.create(request.info, body, writeRequestOf(request)));
  }

  async #patch(request: ApiRequest): Promise<WriteResult> {
    const { info, contentType } = request;
    const isApply = contentType === 'application/apply-patch+yaml';
    const change = isApply ? this.#applyOf(request) : patchOf(request);
    return this.#writer.change(info, change, writeRequestOf(request));
  }

  #applyOf(request: ApiRequest): Change {
    const { info, query } = request;
    if (!query.get('fieldManager')) {
      throw invalidOptions('PatchOptions', fieldError('Required', 'fieldManager', 'is required for apply patch'));
    }
    const applied = appliedObject(request);
    const author = this.#writer.author(writeRequestOf(request));
    const force = query.get('force') === 'true';
    const next = (live: ApiObject | undefined) => applyConfiguration(live, applied, author, force);
    return { next, records: true, mayCreate: info.subresource === '' };
  }

  async #delete(request: ApiRequest): Promise<ApiAnswer> {
    const { info } = request;
    const body = request.body === '' ? {} : asMap(parseBody(request));
    const preconditions = asMap(body.preconditions) as Preconditions;
    const dryRun = Array.isArray(body.dryRun) && body.dryRun.includes('All');
    const write = { ...writeRequestOf(request), ...(dryRun && { dryRun }) };
    const { object } = await this.#writer.delete(info, write, preconditions);
    if (info.resource.returnsDeleted || object.metadata.deletionTimestamp)
      return answer(request, { object, created: false });
    const { name, uid } = object.metadata;
    const { plural, group } = info.resource;
    const details = { name, ...(group && { group }), kind: plural, uid };
    return {
      code: 200,
      json: JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }),
    };
  }

  async #deleteCollection(request: ApiRequest): Promise<ApiAnswer> {
    const { info, query } = request;
    const list = this.#list(request);
    const matches = selectorsOf(info, query);
    for (const { object, namespace, name } of this.#store.list(info.resource, info.namespace)) {
      if (!matches || matches(object)) {
        await this.#writer.delete({ ...info, namespace, name }, writeRequestOf(request));
      }
    }
    return list;
  }
}

export function selectorsOf({ resource }: RequestInfo, query: URLSearchParams) {
  return parseSelectors(resource, {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
  });
}

function answer({ info }: ApiRequest, { object, created }: WriteResult): ApiAnswer {
  const shown = info.subresource === 'scale' ? scaleOf(object) : object;
  return { code: created ? 201 : 200, json: JSON.stringify(shown) };
}

function writeRequestOf({ query, user, userAgent, warn }: ApiRequest): WriteRequest {
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All')) {
    const message = `Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`;
    throw invalidOptions('CreateOptions', { reason: 'FieldValueNotSupported', field: 'dryRun', message });
  }
  const fieldManager = query.get('fieldManager') ?? '';
  const manager = fieldManager || (userAgent.split('/')[0] ?? '').slice(0, 128);
  return { user, dryRun: dryRun.length > 0, ...(fieldManager && { fieldManager }), manager, warn };
}

function updateOf(request: ApiRequest): Change {
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

function patchOf({ info, contentType, ...request }: ApiRequest): Change {
  if (!patchTypes.includes(contentType)) throw unsupportedMediaType(patchTypes);
  const patch = parseBody({ ...request, contentType });
  return {
    next: (live = {} as ApiObject) =>
      info.subresource === 'scale'
        ? fromScale(live, patched(info, contentType, scaleOf(live), patch))
        : (patched(info, contentType, live, patch) as ApiObject),
  };
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
  const { info, body } = request;
  const parsed = withoutNulls(load(body));
  if (!isMap(parsed)) throw badRequest('error decoding YAML: it is no object');
  const { kind, apiVersion, metadata } = parsed;
  if (!kind || !apiVersion) throw badRequest(`invalid object type: /, Kind=${asText(kind)}`);
  const { managedFields, name } = asMap(metadata);
  if (managedFields) throw badRequest('metadata.managedFields must be nil');
  if (!name) throw nameMissing(info);
  return parsed as unknown as ApiObject;
}

const bodyTypes = ['application/json', 'application/yaml'];

function parseBody({ body, contentType }: Pick<ApiRequest, 'body' | 'contentType'>): unknown {
  if (![...bodyTypes, ...patchTypes, ''].includes(contentType)) throw unsupportedMediaType(bodyTypes);
  try {
    return contentType.includes('yaml') ? load(body) : JSON.parse(body);
  } catch (error) {
    throw badRequest(`the body of the request could not be read: ${messageOf(error)}`);
  }
}
