import type { KubeObject } from './objects.ts';
import type { ObjectRef } from './resources.ts';

/** `namespace/name`, or the name alone of a cluster-scoped object. */
export function keyOf({ metadata: { namespace = '', name = '' } }: KubeObject): string {
  return joinKey(namespace, name);
}

/** What a key, as {@link keyOf} makes it, refers to; the namespace is empty where the object has none. */
export function refOf(key: string): Required<ObjectRef> {
  const slash = key.indexOf('/');
  return { namespace: slash < 0 ? '' : key.slice(0, slash), name: key.slice(slash + 1) };
}

/** What is kept of each object, by namespace and name: those of a namespace are found at once, and share its name. */
export class ObjectMap<R> {
  readonly #namespaces = new Map<string, Map<string, R>>();

  get({ namespace = '', name }: ObjectRef): R | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  /** What is kept of that object. */
  of({ metadata: { namespace = '', name = '' } }: KubeObject): R | undefined {
    return this.get({ namespace, name });
  }

  /** @param object what `kept` is of. */
  set({ metadata: { namespace = '', name = '' } }: KubeObject, kept: R): void {
    const siblings = this.#namespaces.get(namespace) ?? new Map<string, R>();
    this.#namespaces.set(namespace, siblings.set(name, kept));
  }

  delete({ namespace = '', name }: ObjectRef): void {
    const siblings = this.#namespaces.get(namespace);
    siblings?.delete(name);
    if (siblings?.size === 0) this.#namespaces.delete(namespace);
  }

  *entries(): Generator<[key: string, kept: R]> {
    for (const namespace of this.#namespaces.keys()) yield* this.entriesIn(namespace);
  }

  *entriesIn(namespace: string): Generator<[key: string, kept: R]> {
    for (const [name, kept] of this.#namespaces.get(namespace) ?? []) yield [joinKey(namespace, name), kept];
  }
}

function joinKey(namespace: string, name: string): string {
  return namespace ? `${namespace}/${name}` : name;
}
