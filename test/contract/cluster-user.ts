import { request } from 'undici';
import { errorOfStatus, parseStatus } from '../../src/kube/api-error.ts';
import type { KubeConnection } from '../../src/kube/connection.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { pathOf, type ObjectRef, type Resource } from '../../src/kube/resources.ts';

export interface WriteAs {
  dryRun?: boolean;
  /** Default: `somebody`. */
  fieldManager?: string;
}

interface Write extends WriteAs {
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  body?: object;
  contentType?: string;
  query?: Record<string, string>;
}

/**
 * Somebody who works with the cluster, a person or another controller: writes under field managers that are not the service's.
 * Refusals are thrown as KubeApiErrors; what the API server warned of is kept.
 */
export class ClusterUser {
  /** The texts of every `Warning` header so far, oldest first. */
  readonly warnings: string[] = [];
  readonly #connection: KubeConnection;

  constructor(connection: KubeConnection) {
    this.#connection = connection;
  }

  create<T extends KubeObject>(resource: Resource, object: T, as: WriteAs = {}): Promise<T> {
    const path = pathOf(resource, { namespace: object.metadata.namespace });
    return this.#write({ ...as, method: 'POST', path, body: typed(resource, object) });
  }

  /** A PUT; a resourceVersion in the object is a precondition. */
  replace<T extends KubeObject>(resource: Resource, object: T, as: WriteAs = {}): Promise<T> {
    return this.#write({ ...as, method: 'PUT', path: pathTo(resource, object), body: typed(resource, object) });
  }

  /** Server-side apply as Helm 4 does it: a conflict with another manager is a 409. */
  apply<T extends KubeObject>(resource: Resource, object: T, as: WriteAs = {}): Promise<T> {
    return this.#write({
      ...as,
      method: 'PATCH',
      path: pathTo(resource, object),
      body: typed(resource, object),
      contentType: 'application/apply-patch+yaml',
    });
  }

  /** A JSON merge patch. */
  merge<T extends KubeObject>(resource: Resource, ref: ObjectRef, patch: object, as: WriteAs = {}): Promise<T> {
    const contentType = 'application/merge-patch+json';
    return this.#write({ ...as, method: 'PATCH', path: pathOf(resource, ref), body: patch, contentType });
  }

  async delete(resource: Resource, ref: ObjectRef): Promise<void> {
    await this.#write({ method: 'DELETE', path: pathOf(resource, ref) });
  }

  /** Does the API server say that it is ready, as a load balancer in front of it asks? */
  async isServerReady(): Promise<boolean> {
    const { headers, dispatcher } = await this.#connection.open();
    const response = await request(`${this.#connection.origin}/readyz`, { dispatcher, headers });
    await response.body.dump();
    return response.statusCode === 200;
  }

  async #write<T>({ method, path, body, contentType = 'application/json', ...write }: Write): Promise<T> {
    const { headers, dispatcher } = await this.#connection.open();
    const query = { fieldManager: write.fieldManager ?? 'somebody', ...(write.dryRun && { dryRun: 'All' }) };
    const response = await request(this.#connection.origin + path, {
      method,
      dispatcher,
      query,
      headers: { ...headers, accept: 'application/json', 'content-type': contentType, 'user-agent': 'cluster-user' },
      body: body && JSON.stringify(body),
    });
    this.warnings.push(...[response.headers.warning ?? []].flat().map(textOfWarning));
    const text = await response.body.text();
    if (response.statusCode < 300) return JSON.parse(text) as T;
    const retryAfterMs = Number(response.headers['retry-after']) * 1000;
    throw errorOfStatus(parseStatus(text, response.statusCode), `${method} ${path}`, retryAfterMs);
  }
}

function typed<T extends KubeObject>({ apiVersion, kind }: Resource, object: T): T {
  return { apiVersion, kind, ...object };
}

function pathTo(resource: Resource, { metadata: { namespace, name = '' } }: KubeObject): string {
  return pathOf(resource, { namespace, name });
}

/** `299 - "text"` */
function textOfWarning(header: string): string {
  return /^\d+ \S+ "(.*)"$/.exec(header)?.[1]?.replaceAll('\\"', '"') ?? header;
}
