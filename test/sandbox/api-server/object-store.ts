import type { ApiObject } from './api-object.ts';
import { qualifiedName } from './api-resources.ts';
import type { ApiResource } from './api-resources.ts';

/** One stored version of an object. */
export interface StoredObject {
  readonly resource: ApiResource;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: number;
  readonly object: ApiObject;
  /** The JSON of the object without `kind` and `apiVersion`, as it stands in a list. */
  readonly body: string;
}

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: ApiResource;
  readonly resourceVersion: number;
  /** The state after the change; of a deleted object the last one, with the resourceVersion of its deletion. */
  readonly stored: StoredObject;
  readonly previous?: StoredObject;
}

interface Table {
  byNamespace: Map<string, Map<string, StoredObject>>;
  count: number;
}

/** The JSON of a whole object. */
export function jsonOf({ object, body }: StoredObject): string {
  return `{"kind":${JSON.stringify(object.kind)},"apiVersion":${JSON.stringify(object.apiVersion)},${body.slice(1)}`;
}

const byNamespaceAndName = (a: StoredObject, b: StoredObject) =>
  compareText(a.namespace, b.namespace) || compareText(a.name, b.name);

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Every object, and the one resourceVersion that counts all changes. Listeners hear of a change before the writer does. */
export class ObjectStore {
  readonly #tables = new Map<string, Table>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  #resourceVersion = 1;

  get resourceVersion(): number {
    return this.#resourceVersion;
  }

  /** Lets the version grow without a change, as a write to anything else in etcd would. */
  advance(): number {
    return ++this.#resourceVersion;
  }

  subscribe(listener: (event: StoreEvent) => void): void {
    this.#listeners.add(listener);
  }

  get(resource: ApiResource, namespace: string, name: string): StoredObject | undefined {
    return this.#tables.get(qualifiedName(resource))?.byNamespace.get(namespace)?.get(name);
  }

  /** The objects of one namespace, or of all, in the order of their keys. */
  list(resource: ApiResource, namespace?: string): StoredObject[] {
    const table = this.#tables.get(qualifiedName(resource));
    if (!table) return [];
    const found = namespace
      ? [...(table.byNamespace.get(namespace)?.values() ?? [])]
      : [...table.byNamespace.values()].flatMap((objects) => [...objects.values()]);
    return found.sort(byNamespaceAndName);
  }

  count(resource: ApiResource): number {
    return this.#tables.get(qualifiedName(resource))?.count ?? 0;
  }

  /** Stores a new object, or a new version of one. */
  put(resource: ApiResource, object: ApiObject): StoredObject {
    const stored = this.#seal(resource, object);
    const objects = this.#objectsOf(resource, stored.namespace);
    const previous = objects.get(stored.name);
    objects.set(stored.name, stored);
    if (!previous) this.#table(resource).count++;
    this.#tell({ type: previous ? 'MODIFIED' : 'ADDED', resource, stored, previous });
    return stored;
  }

  /** Removes an object; `last` is what its DELETED event shows. */
  remove(stored: StoredObject, last: ApiObject = stored.object): StoredObject {
    const { resource } = stored;
    const sealed = this.#seal(resource, last);
    this.#objectsOf(resource, stored.namespace).delete(stored.name);
    this.#table(resource).count--;
    this.#tell({ type: 'DELETED', resource, stored: sealed, previous: stored });
    return sealed;
  }

  #seal(resource: ApiResource, object: ApiObject): StoredObject {
    const resourceVersion = this.advance();
    const { kind, apiVersion, metadata, ...rest } = object;
    const body = JSON.stringify({ metadata: { ...metadata, resourceVersion: String(resourceVersion) }, ...rest });
    return {
      resource,
      namespace: metadata.namespace ?? '',
      name: metadata.name ?? '',
      resourceVersion,
      object: { kind, apiVersion, ...(JSON.parse(body) as Pick<ApiObject, 'metadata'>) },
      body,
    };
  }

  #tell(event: Omit<StoreEvent, 'resourceVersion'>): void {
    const told = { ...event, resourceVersion: event.stored.resourceVersion };
    for (const listener of this.#listeners) listener(told);
  }

  #table(resource: ApiResource): Table {
    const key = qualifiedName(resource);
    let table = this.#tables.get(key);
    if (!table) this.#tables.set(key, (table = { byNamespace: new Map(), count: 0 }));
    return table;
  }

  #objectsOf(resource: ApiResource, namespace: string): Map<string, StoredObject> {
    const { byNamespace } = this.#table(resource);
    let objects = byNamespace.get(namespace);
    if (!objects) byNamespace.set(namespace, (objects = new Map<string, StoredObject>()));
    return objects;
  }
}
