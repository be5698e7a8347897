import type { Dispatcher } from 'undici';
import { systemClock, withDeadline } from '../clock.ts';
import { KubeApiError } from '../errors.ts';
import { errorOfStatus, parseStatus, unreachable } from './api-error.ts';
import type { KubeConnection } from './connection.ts';
import { FIELD_MANAGER } from './field-manager.ts';
import { readLines } from './line-stream.ts';
import { readList, type ItemListener } from './list-stream.ts';
import type { KubeList, KubeObject, WatchEvent } from './objects.ts';
import { pathOf, type ObjectRef, type Resource } from './resources.ts';
import { wholeAnswer, type WholeAnswer } from './whole-answer.ts';

/** One operation of an RFC 6902 JSON Patch. */
export type JsonPatchOperation =
  { op: 'add' | 'replace' | 'test'; path: string; value: unknown } | { op: 'remove'; path: string };

export interface CallOptions {
  signal?: AbortSignal;
  /** Default 30 s. */
  timeoutMs?: number;
}

export interface ListOptions extends CallOptions {
  namespace?: string;
  fieldSelector?: string;
  labelSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
}

export interface WatchOptions {
  fieldSelector?: string;
  namespace?: string;
  resourceVersion: string;
  /** The server ends the watch after this many seconds. */
  timeoutSeconds: number;
  signal: AbortSignal;
}

export interface WriteOptions extends CallOptions {
  dryRun?: boolean;
  /** Default {@link FIELD_MANAGER}; must begin with it. */
  fieldManager?: string;
}

type Body = Dispatcher.ResponseData['body'];
type Query = Record<string, string | number | boolean | undefined>;

interface Call extends CallOptions {
  method: Dispatcher.HttpMethod;
  path: string;
  query?: Query;
  body?: unknown;
  contentType?: string;
}

/**
 * The Kubernetes API as plain HTTP and JSON: typed by the caller, no object copied on the way.
 * Every method throws a {@link KubeApiError} for a refusal and for a server that cannot be reached.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
export class KubeClient {
  readonly #connection: KubeConnection;
  readonly #mayWrite: () => boolean;

  constructor(connection: KubeConnection, mayWrite = () => true) {
    this.#connection = connection;
    this.#mayWrite = mayWrite;
  }

  /** The same, but for writes that are refused on this side unless `mayWrite` at the moment of sending. */
  writingWhile(mayWrite: () => boolean): KubeClient {
    return new KubeClient(this.#connection, () => this.#mayWrite() && mayWrite());
  }

  /** The server's version, for example `{ major: '1', minor: '20' }`; managed clusters write `20+`. */
  version(options: CallOptions = {}): Promise<{ major: string; minor: string; gitVersion: string }> {
    return this.#call({ ...options, method: 'GET', path: '/version' });
  }

  get<T extends KubeObject>(resource: Resource, ref: ObjectRef, options: CallOptions = {}): Promise<T> {
    return this.#call({ ...options, method: 'GET', path: pathOf(resource, ref) });
  }

  /** @param onItem is given each item as it arrives; none is kept then, so that a list of any size takes no memory. */
  async list<T extends KubeObject>(
    resource: Resource,
    options: ListOptions = {},
    onItem?: ItemListener<T>,
  ): Promise<KubeList<T>> {
    const { namespace, signal, timeoutMs, ...query } = options;
    const path = pathOf(resource, { namespace });
    const call = { method: 'GET', path, query: { ...query }, signal, timeoutMs } as const;
    if (!onItem) return this.#call(call);
    return this.#bounded(call, async (bounded) => readList<T>(await this.#open(call, bounded), onItem));
  }

  create<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const path = pathOf(resource, { namespace: object.metadata.namespace });
    return this.#write({ ...options, method: 'POST', path, body: object });
  }

  /** Server-side apply with `force`: creates the object, or makes the fields in it ours. */
  apply<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.#write({
      ...options,
      method: 'PATCH',
      path: pathOf(resource, { namespace, name }),
      query: { force: true },
      body: { apiVersion: resource.apiVersion, kind: resource.kind, ...object },
      contentType: 'application/apply-patch+yaml',
    });
  }

  /** A JSON Patch; a failed `test` and an inapplicable operation are a 422. */
  jsonPatch<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    operations: JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<T> {
    const contentType = 'application/json-patch+json';
    return this.#write({ ...options, method: 'PATCH', path: pathOf(resource, ref), body: operations, contentType });
  }

  /** Deletes the object, if given only that very one (`uid`) in that very state (`resourceVersion`). */
  async delete(
    resource: Resource,
    ref: ObjectRef,
    preconditions: { uid?: string; resourceVersion?: string } = {},
    options: WriteOptions = {},
  ): Promise<void> {
    await this.#call({ ...options, method: 'DELETE', path: pathOf(resource, ref), body: { preconditions } });
  }

  /** The events of one watch, until the server ends it. Throws KubeApiError on an ERROR event (410 when history is gone). */
  async *watch<T extends KubeObject>(resource: Resource, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const { namespace, signal, ...rest } = options;
    const query = { ...rest, watch: true, allowWatchBookmarks: true };
    let body: Body | undefined;
    try {
      body = await this.#open({ method: 'GET', path: pathOf(resource, { namespace }), query }, signal);
      for await (const line of readLines(body)) {
        const event = JSON.parse(line) as WatchEvent<T>;
        if (event.type === 'ERROR') throw errorOfStatus(event.object, `watch of ${resource.plural}`);
        yield event;
      }
    } catch (error) {
      throw unreachable(error);
    } finally {
      body?.destroy();
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  #write<T>(call: Call & WriteOptions): Promise<T> {
    const { fieldManager = FIELD_MANAGER, dryRun } = call;
    const query = { ...call.query, fieldManager, dryRun: dryRun ? 'All' : undefined };
    return this.#call({ ...call, query });
  }

  async #call<T>(call: Call): Promise<T> {
    return this.#bounded(call, async (signal) => {
      const { dispatcher, options } = await this.#prepare(call);
      const answer = await wholeAnswer(dispatcher, options, signal);
      if (answer.statusCode >= 300) throw this.#refused(answer, call);
      return JSON.parse(answer.text) as T;
    });
  }

  async #bounded<T>(
    { timeoutMs = 30_000, signal: parent }: Call,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    // An AbortSignal.timeout would live on for all of that time, with what it holds.
    const deadline = withDeadline(systemClock, timeoutMs, parent);
    try {
      return await act(deadline.signal);
    } catch (error) {
      throw unreachable(error);
    } finally {
      deadline.clear();
    }
  }

  /** The body of the answer, which is still arriving. */
  async #open(call: Call, signal: AbortSignal): Promise<Body> {
    const { dispatcher, options } = await this.#prepare(call);
    const { body, ...head } = await dispatcher.request({ ...options, signal });
    if (head.statusCode < 300) return body;
    throw this.#refused({ ...head, text: await body.text().catch(() => '') }, call);
  }

  async #prepare(call: Call): Promise<{ dispatcher: Dispatcher; options: Dispatcher.DispatchOptions }> {
    const { origin, basePath } = this.#connection;
    const { headers, dispatcher } = await this.#connection.open();
    if (call.method !== 'GET' && !this.#mayWrite()) throw mayNotWrite();
    const options = {
      origin,
      path: basePath + call.path + queryString(call.query),
      method: call.method,
      headers: { ...headers, accept: 'application/json', 'content-type': call.contentType ?? 'application/json' },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      // The signal bounds the whole call; a quiet watch is no fault.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    return { dispatcher, options };
  }

  #refused({ statusCode, headers, text }: WholeAnswer, { method, path }: Call): KubeApiError {
    if (statusCode === 401) this.#connection.invalidate();
    const retryAfterMs = Number(headers['retry-after']) * 1000;
    return errorOfStatus(parseStatus(text, statusCode), `${method} ${path}`, retryAfterMs);
  }
}

function mayNotWrite(): KubeApiError {
  const message = 'not sent: the service is paused, or another replica leads by now';
  return new KubeApiError(message, { code: 'NotSent', status: 0, retryable: true });
}

function queryString(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size > 0 ? `?${parameters.toString()}` : '';
}
