import jsonPatch from 'fast-json-patch';
import { isDeepStrictEqual } from 'node:util';
import { errorOfStatus, unreachable } from '../../src/kube/api-error.ts';
import type {
  CallOptions,
  JsonPatchOperation,
  KubeClient,
  ListOptions,
  WatchOptions,
  WriteOptions,
} from '../../src/kube/kube-client.ts';
import type { ItemListener } from '../../src/kube/list-stream.ts';
import type { KubeList, KubeObject, Secret, Status, WatchEvent } from '../../src/kube/objects.ts';
import { keyOf } from '../../src/kube/object-map.ts';
import type { ObjectRef, Resource } from '../../src/kube/resources.ts';

/** One request, as a test may count it, hold it up or refuse it. */
export interface ApiCall {
  verb: 'get' | 'list' | 'watch' | 'create' | 'apply' | 'jsonPatch' | 'delete';
  resource: string;
  /** `namespace/name`; of lists and watches the namespace, or nothing. */
  key: string;
  body?: unknown;
  options?: object;
}

interface HistoryEntry {
  version: number;
  plural: string;
  event: WatchEvent<KubeObject>;
}

type Scope = Pick<ListOptions, 'namespace' | 'fieldSelector'>;

/** The API server as the loops see it, in memory: one line of versions, lists by pages, watches, preconditions. */
export class MemoryApi implements Pick<
  KubeClient,
  'get' | 'list' | 'watch' | 'create' | 'apply' | 'jsonPatch' | 'delete'
> {
  readonly calls: ApiCall[] = [];
  /** Called before anything is done; what it throws is the answer. */
  intercept: (call: ApiCall) => void | Promise<void> = () => undefined;
  /** Called when all is done, before the answer. */
  beforeAnswer: (call: ApiCall) => void | Promise<void> = () => undefined;
  /** Mutating admission of patches. */
  admit: (object: KubeObject, call: ApiCall) => KubeObject = (object) => object;
  /** Watches, open and to come, say nothing until it resolves. */
  silence: Promise<unknown> | undefined;
  /** The most that a page holds, whatever was asked for. */
  pageSize = 500;
  readonly #objects = new Map<string, KubeObject>();
  readonly #history: HistoryEntry[] = [];
  readonly #snapshots = new Map<string, KubeObject[]>();
  #version = 0;
  #oldestWatchable = 0;
  #news = Promise.withResolvers<undefined>();
  #ended = new AbortController();

  /** Writes by somebody else. */
  put<T extends KubeObject>(resource: Resource, object: T): T {
    const previous = this.#objects.get(pathKey(resource, object.metadata));
    const uid = previous?.metadata.uid ?? `uid-${this.#version + 1}`;
    return this.#store(resource, { ...object, metadata: { uid, ...object.metadata } });
  }

  /** Deletes by somebody else. @returns the version of the deletion; undefined when there is nothing to delete. */
  remove(resource: Resource, ref: ObjectRef): string | undefined {
    const key = pathKey(resource, ref);
    const object = this.#objects.get(key);
    if (!object) return undefined;
    this.#objects.delete(key);
    const resourceVersion = String(++this.#version);
    const event = {
      type: 'DELETED' as const,
      object: { ...object, metadata: { ...object.metadata, resourceVersion } },
    };
    this.#publish({ version: this.#version, plural: resource.plural, event });
    return resourceVersion;
  }

  read(resource: Resource, ref: ObjectRef): KubeObject | undefined {
    return structuredClone(this.#objects.get(pathKey(resource, ref)));
  }

  readAll(resource: Resource): KubeObject[] {
    return structuredClone(this.#select(resource, {}));
  }

  /** Tells watches how far they are. */
  bookmark(resource: Resource): void {
    const object = { metadata: { resourceVersion: String(this.#version) } };
    this.#publish({ version: this.#version, plural: resource.plural, event: { type: 'BOOKMARK', object } });
  }

  /** Ends every open watch as the server does after its time; or with an error. */
  endWatches(error?: Error): void {
    this.#ended.abort(error ?? 'ended');
    this.#ended = new AbortController();
  }

  /** Watches from any version until now, and lists under way, are 410 Gone. */
  expireHistory(): void {
    this.#oldestWatchable = this.#version;
    this.#snapshots.clear();
  }

  count(match: Partial<ApiCall>): number {
    const fields = Object.entries(match) as [keyof ApiCall, unknown][];
    return this.calls.filter((call) => fields.every(([field, value]) => isDeepStrictEqual(call[field], value))).length;
  }

  async get<T extends KubeObject>(resource: Resource, ref: ObjectRef, options?: CallOptions): Promise<T> {
    return this.#answer({ verb: 'get', resource: resource.plural, key: refKey(ref), options }, () => {
      return this.#require(resource, ref) as T;
    });
  }

  async list<T extends KubeObject>(
    resource: Resource,
    options: ListOptions = {},
    onItem?: ItemListener<T>,
  ): Promise<KubeList<T>> {
    const call: ApiCall = { verb: 'list', resource: resource.plural, key: options.namespace ?? '', options };
    const page = await this.#answer(call, () => this.#page(resource, options) as KubeList<T>);
    if (!onItem) return page;
    for (const item of page.items) onItem(item, page.metadata);
    return { ...page, items: [] };
  }

  async *watch<T extends KubeObject>(resource: Resource, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    await this.#begin({ verb: 'watch', resource: resource.plural, key: options.namespace ?? '', options });
    if (Number(options.resourceVersion) < this.#oldestWatchable) throw refusal(410, 'Expired');
    const ended = AbortSignal.any([options.signal, this.#ended.signal]);
    const end = fired(ended);
    const isOver = () => ended.aborted;
    for (let position = 0; !ended.aborted;) {
      const news = this.#news.promise;
      await Promise.race([this.silence, end]);
      const entries = isOver() ? [] : this.#history.slice(position);
      position += entries.length;
      const told = entries.filter((entry) => entry.plural === resource.plural && isNews(entry, options));
      yield* structuredClone(told.map(({ event }) => event)) as WatchEvent<T>[];
      await Promise.race([news, end]);
    }
    if (options.signal.aborted) throw unreachable(options.signal.reason);
    if (ended.reason instanceof Error) throw ended.reason;
  }

  async create<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    const call: ApiCall = { verb: 'create', resource: resource.plural, key: keyOf(object), body: object };
    return this.#answer(call, () => {
      if (this.#objects.has(pathKey(resource, object.metadata))) throw refusal(409, 'AlreadyExists');
      return this.put(resource, object);
    });
  }

  async apply<T extends KubeObject>(resource: Resource, object: T, options?: CallOptions): Promise<T> {
    const call: ApiCall = { verb: 'apply', resource: resource.plural, key: keyOf(object), body: object, options };
    return this.#answer(call, () => {
      const before = this.#objects.get(pathKey(resource, object.metadata));
      const { resourceVersion } = object.metadata;
      if (resourceVersion && resourceVersion !== before?.metadata.resourceVersion) throw refusal(409, 'Conflict');
      if (isForbiddenChange(before, object)) throw refusal(422, 'Invalid');
      const { labels, annotations } = object.metadata;
      const metadata = {
        ...before?.metadata,
        ...object.metadata,
        ...(labels && { labels: { ...before?.metadata.labels, ...labels } }),
        ...(annotations && { annotations: { ...before?.metadata.annotations, ...annotations } }),
      };
      return this.put(resource, { ...before, ...object, metadata });
    });
  }

  async jsonPatch<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    operations: JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<T> {
    const call: ApiCall = { verb: 'jsonPatch', resource: resource.plural, key: refKey(ref), body: operations, options };
    return this.#answer(
      call,
      () => this.#store(resource, this.admit(this.#patched(resource, ref, operations), call)) as T,
    );
  }

  async delete(
    resource: Resource,
    ref: ObjectRef,
    preconditions: { uid?: string; resourceVersion?: string } = {},
    options: WriteOptions = {},
  ): Promise<void> {
    const key = refKey(ref);
    const call: ApiCall = { verb: 'delete', resource: resource.plural, key, body: preconditions, options };
    await this.#answer(call, () => {
      const { uid, resourceVersion } = this.#require(resource, ref).metadata;
      const { uid: wantedUid = uid, resourceVersion: wantedVersion = resourceVersion } = preconditions;
      if (wantedUid !== uid || wantedVersion !== resourceVersion) throw refusal(409, 'Conflict');
      this.remove(resource, ref);
    });
  }

  async #begin(call: ApiCall): Promise<void> {
    const { signal } = (call.options ?? {}) as CallOptions;
    if (signal?.aborted) throw unreachable(signal.reason);
    this.calls.push(call);
    await unlessAborted(Promise.resolve(this.intercept(call)), signal);
  }

  async #answer<T>(call: ApiCall, act: () => T): Promise<T> {
    await this.#begin(call);
    const answer = structuredClone(act());
    await unlessAborted(Promise.resolve(this.beforeAnswer(call)), (call.options as CallOptions | undefined)?.signal);
    return answer;
  }

  #require(resource: Resource, ref: ObjectRef): KubeObject {
    const object = this.#objects.get(pathKey(resource, ref));
    if (!object) throw refusal(404, 'NotFound');
    return object;
  }

  #patched(resource: Resource, ref: ObjectRef, operations: JsonPatchOperation[]): KubeObject {
    const before = this.#require(resource, ref);
    try {
      const after = structuredClone(before);
      // An absent field passes a test for null on the API server.
      const nulls = operations.filter(({ op, ...rest }) => op === 'test' && 'value' in rest && rest.value === null);
      if (nulls.some(({ path }) => jsonPatch.getValueByPointer(after, path) !== undefined)) throw new Error('test');
      const rest = operations.filter((operation) => !nulls.includes(operation));
      return jsonPatch.applyPatch(after, structuredClone(rest), true).newDocument;
    } catch {
      throw refusal(422, 'Invalid');
    }
  }

  #store<T extends KubeObject>(resource: Resource, object: T): T {
    const key = pathKey(resource, object.metadata);
    const before = this.#objects.get(key);
    const metadata = { ...object.metadata, resourceVersion: before?.metadata.resourceVersion };
    if (before && isDeepStrictEqual({ ...object, metadata }, before)) return before as T;
    metadata.resourceVersion = String(++this.#version);
    const stored = structuredClone({ ...object, metadata });
    this.#objects.set(key, stored);
    const event = { type: before ? ('MODIFIED' as const) : ('ADDED' as const), object: stored };
    this.#publish({ version: this.#version, plural: resource.plural, event });
    return stored;
  }

  #publish(entry: HistoryEntry): void {
    this.#history.push(entry);
    this.#news.resolve(undefined);
    this.#news = Promise.withResolvers();
  }

  #page(resource: Resource, options: ListOptions): KubeList<KubeObject> {
    const [start = '0', version = String(this.#version)] = options.continue?.split(':') ?? [];
    const id = `${resource.plural}:${version}`;
    const items = options.continue ? this.#snapshots.get(id) : this.#select(resource, options);
    if (!items) throw refusal(410, 'Expired');
    this.#snapshots.set(id, items);
    const end = Number(start) + Math.min(options.limit ?? 500, this.pageSize);
    const metadata = { resourceVersion: version, ...(end < items.length && { continue: `${end}:${version}` }) };
    return { metadata, items: items.slice(Number(start), end) };
  }

  #select({ plural }: Resource, scope: Scope): KubeObject[] {
    const all = [...this.#objects].filter(([key]) => key.startsWith(`${plural} `)).map(([, object]) => object);
    return all.filter((object) => isIn({ object }, scope));
  }
}

/** A refusal as the API server puts it. */
export function refusal(code: number, reason: string, details?: Status['details']): Error {
  return errorOfStatus({ kind: 'Status', code, reason, details }, 'the request');
}

function isForbiddenChange(before: Secret | undefined, after: Secret): boolean {
  if (!before || after.kind !== 'Secret') return false;
  const isImmutable = before.immutable === true && !isDeepStrictEqual(before.data, after.data);
  return isImmutable || (before.type ?? 'Opaque') !== (after.type ?? 'Opaque');
}

function isNews({ version, event }: HistoryEntry, options: WatchOptions): boolean {
  const since = Number(options.resourceVersion);
  return (version > since || (event.type === 'BOOKMARK' && version === since)) && isIn(event, options);
}

function isIn({ object }: { object: KubeObject }, { namespace, fieldSelector }: Scope): boolean {
  const { name, namespace: own } = object.metadata;
  const isThere = namespace === undefined || own === namespace || name === undefined;
  return isThere && (fieldSelector === undefined || name === undefined || fieldSelector === `metadata.name=${name}`);
}

function pathKey({ plural }: Resource, ref: { namespace?: string; name?: string }): string {
  return `${plural} ${refKey(ref)}`;
}

function refKey({ namespace, name = '' }: { namespace?: string; name?: string }): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** A request that was given up gets no answer, whatever the server does about it. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return work;
  await Promise.race([work, fired(signal)]);
  if (signal.aborted) throw unreachable(signal.reason);
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
