import { backOffMs } from '../back-off.ts';
import { withDeadline, type Clock } from '../clock.ts';
import { KubeApiError } from '../errors.ts';
import { forEachInTurns } from '../in-turns.ts';
import type { KubeClient } from './kube-client.ts';
import type { KubeObject } from './objects.ts';
import { keyOf, ObjectMap, refOf } from './object-map.ts';
import { compareResourceVersions } from './resource-version.ts';
import type { ObjectRef, Resource } from './resources.ts';

/** The server ends a watch after 45 s; one that is still there at 50 s has stalled. */
const WATCH_SECONDS = 45;
const WATCH_DEADLINE_MS = 50_000;
const PAGE_SIZE = 500;
/** A watch can lose an event without an error: everything is listed anew now and then. */
const RELIST_INTERVAL_MS = 15 * 60_000;
/** A watch that lived this long worked: what ends it then does not count as one more failure in a row. */
const HEALTHY_AFTER_MS = 1_000;

/** What is kept of an object: as little as decisions need, but always its resourceVersion. */
export interface Reduced {
  readonly resourceVersion: string;
}

export interface ReflectorOptions<T extends KubeObject, R extends Reduced> {
  client: Pick<KubeClient, 'list' | 'watch'>;
  resource: Resource;
  namespace?: string;
  fieldSelector?: string;
  clock: Clock;
  /** What to keep of an object. */
  reduce: (object: T) => R;
  /** Where we may not read the objects (403), there are none, until we may. Default: it is waited for. */
  isOptional?: boolean;
  /** A watch or list ended with an error and is begun again. */
  onRestart?: (error: unknown) => void;
}

/**
 * Told of an object that came (`previous` undefined), changed, or went (`current` undefined), by its key as {@link keyOf} makes it.
 * Must not throw.
 */
export type ChangeListener<R> = (key: string, current: R | undefined, previous: R | undefined) => void;

/** A copy in memory of what the API server holds of one resource, kept current while it runs. */
export interface ObjectCache<T extends KubeObject, R extends Reduced> {
  /** Resolves once what there is is in memory. */
  readonly synced: Promise<unknown>;
  readonly hasSynced: boolean;
  get(ref: ObjectRef): R | undefined;
  entries(): IterableIterator<[string, R]>;
  entriesIn(namespace: string): Iterable<[key: string, object: R]>;
  /** Tells of every change from now on, and of nothing else: a relist that finds all as it was is silent. */
  subscribe(listener: ChangeListener<R>): void;
  /** Takes in the answer to one of our own writes, so that nothing is decided on what it replaced. */
  observe(object: T): void;
  /** Until `signal` fires. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

function endedAtOnce(): KubeApiError {
  return new KubeApiError('the API server ended the watch at once', {
    code: 'EndedAtOnce',
    status: 0,
    retryable: true,
  });
}

/**
 * An {@link ObjectCache} that is kept current by a list and a chain of watches.
 * Differs from client-node's informer where that stalls or wastes: lists by pages, keeps reduced objects, bounds each watch.
 */
export class Reflector<T extends KubeObject, R extends Reduced> implements ObjectCache<T, R> {
  readonly #options: ReflectorOptions<T, R>;
  readonly #objects = new ObjectMap<R>();
  readonly #listeners: ChangeListener<R>[] = [];
  readonly #firstList = Promise.withResolvers<undefined>();
  #hasSynced = false;
  #hasListed = false;
  #resourceVersion: string | undefined;
  /** When to list at the latest; undefined: now. */
  #listDue: { after: number; before: number } | undefined;

  constructor(options: ReflectorOptions<T, R>) {
    this.#options = options;
  }

  get synced(): Promise<undefined> {
    return this.#firstList.promise;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get(ref: ObjectRef): R | undefined {
    return this.#objects.get(ref);
  }

  entries(): Generator<[key: string, object: R]> {
    return this.#objects.entries();
  }

  entriesIn(namespace: string): Iterable<[key: string, object: R]> {
    return this.#objects.entriesIn(namespace);
  }

  subscribe(listener: ChangeListener<R>): void {
    this.#listeners.push(listener);
  }

  observe(object: T): void {
    const version = object.metadata.resourceVersion ?? '';
    // What the watch has passed it knows better: the object may be gone again.
    if (this.#resourceVersion && compareResourceVersions(version, this.#resourceVersion) <= 0) return;
    this.#upsert(object);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      let healthyAt = Number.POSITIVE_INFINITY;
      try {
        if (!this.#isListed(clock.now())) await this.#list(signal);
        healthyAt = clock.now() + HEALTHY_AFTER_MS;
        await this.#watch(signal);
        // A server, or a proxy, that ends every watch at once would otherwise be asked without a pause.
        if (clock.now() < healthyAt) throw endedAtOnce();
        failures = 0;
      } catch (error) {
        failures = clock.now() < healthyAt ? failures + 1 : 1;
        await this.#recover(error, failures, signal);
      }
    }
  }

  async #recover(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const refusal = error instanceof KubeApiError ? error : undefined;
    if (refusal) this.#learnFrom(refusal);
    this.#options.onRestart?.(error);
    const waitMs = refusal?.retryAfterMs ?? backOffMs(failures, { baseMs: 200, capMs: 10_000 });
    await this.#options.clock.sleep(waitMs, signal).catch(() => undefined);
  }

  /** Is there a list that the watch can go on from? A clock that was set back makes it as old as one set forward. */
  #isListed(now: number): boolean {
    return this.#listDue !== undefined && now >= this.#listDue.after && now < this.#listDue.before;
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, resource, namespace, fieldSelector, clock } = this.#options;
    const before = this.#resourceVersion ?? '';
    const seen = new Set<string>();
    // The server's cache will do for the first list; later ones must not go back in time.
    let page: { limit: number; resourceVersion?: string; continue?: string } = {
      limit: PAGE_SIZE,
      resourceVersion: this.#hasListed ? undefined : '0',
    };
    let version = '';
    // Of objects in memory, the answers to our own writes can be newer than the list.
    const isNewer = (known: string) =>
      compareResourceVersions(known, version) > 0 &&
      // Unless the server's storage was restored from a backup, and what is in memory is of another history.
      compareResourceVersions(before, version) <= 0;
    do {
      const options = { ...page, namespace, fieldSelector, signal, timeoutMs: 30_000 };
      const { metadata } = await client.list<T>(resource, options, (object, { resourceVersion = '' }) => {
        version = resourceVersion;
        seen.add(keyOf(object));
        this.#replace(object, isNewer);
      });
      version = metadata.resourceVersion ?? '';
      page = { limit: PAGE_SIZE, continue: metadata.continue };
    } while (page.continue);
    await forEachInTurns(this.entries(), ([key, known]) => {
      if (!seen.has(key) && !isNewer(known.resourceVersion)) this.#remove(key);
    });
    this.#resourceVersion = version;
    const now = clock.now();
    this.#listDue = { after: now, before: now + RELIST_INTERVAL_MS * (0.9 + 0.2 * Math.random()) };
    this.#hasListed = true;
    this.#settle();
  }

  #learnFrom({ status, code }: KubeApiError): void {
    // A server that was away may come back with what a backup held, where a watch from our version would stay silent.
    if (status === 410 || code === 'Unreachable') this.#listDue = undefined;
    if (status === 403 && this.#options.isOptional) this.#settle();
  }

  #settle(): void {
    this.#hasSynced = true;
    this.#firstList.resolve(undefined);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, namespace, fieldSelector, clock } = this.#options;
    const deadline = withDeadline(clock, WATCH_DEADLINE_MS, signal);
    try {
      const events = client.watch<T>(resource, {
        namespace,
        fieldSelector,
        resourceVersion: this.#resourceVersion ?? '',
        timeoutSeconds: WATCH_SECONDS,
        signal: deadline.signal,
      });
      for await (const { type, object } of events) {
        if (type === 'ADDED' || type === 'MODIFIED') this.#upsert(object);
        else if (type === 'DELETED') this.#delete(object);
        this.#resourceVersion = object.metadata.resourceVersion;
      }
    } finally {
      deadline.clear();
    }
  }

  #upsert(object: T): void {
    const known = this.#objects.of(object);
    const version = object.metadata.resourceVersion ?? '';
    if (known && compareResourceVersions(version, known.resourceVersion) <= 0) return;
    this.#set(object, known);
  }

  #replace(object: T, isNewer: (known: string) => boolean): void {
    const known = this.#objects.of(object);
    const isKnown = known?.resourceVersion === object.metadata.resourceVersion;
    if (known && (isKnown || isNewer(known.resourceVersion))) return;
    this.#set(object, known);
  }

  #delete(object: T): void {
    const known = this.#objects.of(object);
    const version = object.metadata.resourceVersion ?? '';
    if (known && compareResourceVersions(known.resourceVersion, version) <= 0) this.#remove(keyOf(object));
  }

  #set(object: T, previous: R | undefined): void {
    const current = this.#options.reduce(object);
    this.#objects.set(object, current);
    this.#announce(keyOf(object), current, previous);
  }

  #remove(key: string): void {
    const ref = refOf(key);
    const previous = this.get(ref);
    this.#objects.delete(ref);
    this.#announce(key, undefined, previous);
  }

  #announce(key: string, current: R | undefined, previous: R | undefined): void {
    for (const listener of this.#listeners) listener(key, current, previous);
  }
}
