import { aborted, type Clock } from '../clock.ts';
import type { KubeObject } from './objects.ts';
import type { ChangeListener, ObjectCache, Reduced, Reflector } from './reflector.ts';
import type { ObjectRef } from './resources.ts';

/** A server that cannot list what is in one namespace holds the others up no longer. */
const SYNCED_WITHIN_MS = 10_000;

export interface NamespacedReflectorsOptions<T extends KubeObject, R extends Reduced> {
  clock: Clock;
  /** Tells which of the namespaces are there. */
  namespaces: Pick<ObjectCache<KubeObject, Reduced>, 'subscribe' | 'synced' | 'hasSynced'>;
  /** Of all namespaces that there may be. */
  names: readonly string[];
  /** Watches one namespace. */
  reflect: (namespace: string) => Reflector<T, R>;
}

/** One reflector for each of some namespaces, as one. Each is at work while its namespace is there; none holds up the others. */
export class NamespacedReflectors<T extends KubeObject, R extends Reduced> implements ObjectCache<T, R> {
  readonly #clock: Clock;
  readonly #namespaces: NamespacedReflectorsOptions<T, R>['namespaces'];
  readonly #reflectors: ReadonlyMap<string, Reflector<T, R>>;
  /** What ends the work on each namespace that is there. */
  readonly #ends = new Map<string, AbortController>();
  #signal: AbortSignal | undefined;

  constructor({ clock, namespaces, names, reflect }: NamespacedReflectorsOptions<T, R>) {
    this.#clock = clock;
    this.#namespaces = namespaces;
    this.#reflectors = new Map(names.map((name) => [name, reflect(name)]));
    namespaces.subscribe((name, current, previous) => {
      if (current && !previous) this.#begin(name);
      if (!current) this.#end(name);
    });
  }

  /** Resolves when all are in memory, or those that can be within some seconds: {@link hasSynced} tells. */
  get synced(): Promise<unknown> {
    return this.#namespaces.synced.then(() => {
      const all = Promise.all(this.#present.map(({ synced }) => synced));
      return Promise.race([all, this.#clock.sleep(SYNCED_WITHIN_MS)]);
    });
  }

  get hasSynced(): boolean {
    return this.#namespaces.hasSynced && this.#present.every(({ hasSynced }) => hasSynced);
  }

  get(ref: ObjectRef): R | undefined {
    return this.#reflectors.get(ref.namespace ?? '')?.get(ref);
  }

  *entries(): IterableIterator<[string, R]> {
    for (const reflector of this.#reflectors.values()) yield* reflector.entries();
  }

  entriesIn(namespace: string): Iterable<[key: string, object: R]> {
    return this.#reflectors.get(namespace)?.entriesIn(namespace) ?? [];
  }

  subscribe(listener: ChangeListener<R>): void {
    for (const reflector of this.#reflectors.values()) reflector.subscribe(listener);
  }

  observe(object: T): void {
    this.#reflectors.get(object.metadata.namespace ?? '')?.observe(object);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const name of this.#ends.keys()) this.#watch(name);
    await aborted(signal);
  }

  get #present(): Reflector<T, R>[] {
    return [...this.#reflectors].filter(([name]) => this.#ends.has(name)).map(([, reflector]) => reflector);
  }

  #begin(name: string): void {
    this.#ends.set(name, new AbortController());
    this.#watch(name);
  }

  #end(name: string): void {
    this.#ends.get(name)?.abort();
    this.#ends.delete(name);
  }

  #watch(name: string): void {
    const end = this.#ends.get(name);
    if (!this.#signal || !end) return;
    void this.#reflectors.get(name)?.run(AbortSignal.any([this.#signal, end.signal]));
  }
}
