import { backOffMs } from '../back-off.ts';
import type { Clock } from '../clock.ts';
import { KubeApiError } from '../errors.ts';
import type { KubeClient } from './kube-client.ts';
import type { KubeObject } from './objects.ts';
import type { ChangeListener, ObjectCache, Reduced } from './reflector.ts';
import type { ObjectRef, Resource } from './resources.ts';

const READ_EVERY_MS = 5_000;
/** What is missing comes in its own time; what fails is mended soon. */
const MISSING_BACK_OFF = { baseMs: 1_000, capMs: 30_000 };
const FAILURE_BACK_OFF = { baseMs: 200, capMs: 10_000 };

export interface PollerOptions<T extends KubeObject, R extends Reduced> {
  client: Pick<KubeClient, 'get'>;
  clock: Clock;
  /** A cluster-scoped one. */
  resource: Resource;
  names: readonly string[];
  /** What to keep of an object. */
  reduce: (object: T) => R;
  /** An object is not there or may not be read (404, 403): told when that begins. */
  onMissing: (name: string) => void;
  /** It could not be told what there is, and is tried again. */
  onFailure: (error: unknown) => void;
}

/**
 * A copy in memory of a few objects, each read by its name again and again: for those whose rights allow them neither to list nor
 * to watch.
 */
export class Poller<T extends KubeObject, R extends Reduced> implements Omit<
  ObjectCache<T, R>,
  'observe' | 'entriesIn'
> {
  readonly #options: PollerOptions<T, R>;
  readonly #objects = new Map<string, R>();
  readonly #missing = new Set<string>();
  readonly #listeners: ChangeListener<R>[] = [];
  readonly #settled = Promise.withResolvers<undefined>();

  constructor(options: PollerOptions<T, R>) {
    this.#options = options;
  }

  get synced(): Promise<undefined> {
    return this.#settled.promise;
  }

  get hasSynced(): boolean {
    return this.#objects.size + this.#missing.size === this.#options.names.length;
  }

  /** The names of what is not there, or may not be read. */
  get missing(): string[] {
    return [...this.#missing].sort();
  }

  get({ name }: ObjectRef): R | undefined {
    return this.#objects.get(name);
  }

  entries(): IterableIterator<[string, R]> {
    return this.#objects.entries();
  }

  subscribe(listener: ChangeListener<R>): void {
    this.#listeners.push(listener);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#options.names.map((name) => this.#follow(name, signal)));
  }

  async #follow(name: string, signal: AbortSignal): Promise<void> {
    const { client, clock, resource } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      let waitMs = READ_EVERY_MS;
      try {
        this.#take(name, await client.get<T>(resource, { name }, { signal, timeoutMs: 10_000 }));
        failures = 0;
      } catch (error) {
        waitMs = this.#waitMsAfter(name, error, ++failures, signal);
      }
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  #waitMsAfter(name: string, error: unknown, failures: number, signal: AbortSignal): number {
    if (signal.aborted) return 0;
    const refusal = error instanceof KubeApiError ? error : undefined;
    const isMissing = refusal?.status === 404 || refusal?.status === 403;
    if (isMissing) this.#drop(name);
    else this.#options.onFailure(error);
    return refusal?.retryAfterMs ?? backOffMs(failures, isMissing ? MISSING_BACK_OFF : FAILURE_BACK_OFF);
  }

  #take(name: string, object: T): void {
    const previous = this.#objects.get(name);
    this.#missing.delete(name);
    if (previous?.resourceVersion !== object.metadata.resourceVersion) {
      const current = this.#options.reduce(object);
      this.#objects.set(name, current);
      this.#announce(name, current, previous);
    }
    this.#settle();
  }

  #drop(name: string): void {
    if (this.#missing.has(name)) return;
    const previous = this.#objects.get(name);
    this.#objects.delete(name);
    this.#missing.add(name);
    this.#options.onMissing(name);
    if (previous) this.#announce(name, undefined, previous);
    this.#settle();
  }

  #settle(): void {
    if (this.hasSynced) this.#settled.resolve(undefined);
  }

  #announce(name: string, current: R | undefined, previous: R | undefined): void {
    for (const listener of this.#listeners) listener(name, current, previous);
  }
}
