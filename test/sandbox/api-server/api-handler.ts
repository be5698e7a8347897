import { asMap } from './api-object.ts';
import type { ListPages } from './list-pages.ts';
import { jsonOf } from './object-store.ts';
import type { ObjectStore } from './object-store.ts';
import type { ObjectWriter, WriteResult } from './object-writer.ts';
import type { Preconditions } from './preconditions.ts';
import type { RequestInfo } from './request-info.ts';
import { parseSelectors } from './selectors.ts';
import { internalError, notFound } from './status-error.ts';
import { scaleOf } from './subresources.ts';
import { applyOf, isApply, parseBody, patchOf, updateOf, writeRequestOf } from './write-requests.ts';
import type { ApiRequest } from './write-requests.ts';

export interface ApiAnswer {
  code: number;
  json: string;
}

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
        return this.#patch(request);
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

  async #patch(request: ApiRequest): Promise<ApiAnswer> {
    const write = writeRequestOf(request);
    const change = isApply(request) ? applyOf(request, this.#writer.author(write)) : patchOf(request);
    return answer(request, await this.#writer.change(request.info, change, write));
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
  const { kind, apiVersion, ...content } = object;
  const shown = info.subresource === 'scale' ? scaleOf(object) : { kind, apiVersion, ...content };
  return { code: created ? 201 : 200, json: JSON.stringify(shown) };
}
