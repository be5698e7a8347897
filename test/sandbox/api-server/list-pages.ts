import { qualifiedName } from './api-resources.ts';
import type { ApiResource } from './api-resources.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import type { ObjectMatcher } from './selectors.ts';
import { badRequest, expired, StatusError } from './status-error.ts';

export interface ListRequest {
  resource: ApiResource;
  namespace: string;
  matches?: ObjectMatcher;
  /** 0 for everything in one answer. */
  limit: number;
  continueToken: string;
  resourceVersion: string;
}

interface Token {
  resourceVersion: number;
  /** Where in the snapshot the next page begins. */
  start: number;
}

const kept = 200;

/** Lists, in pages that all show the moment of the first one. */
export class ListPages {
  readonly #store: ObjectStore;
  readonly #snapshots = new Map<string, StoredObject[]>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Further pages of lists begun before are 410 Expired from now on. */
  expire(): void {
    this.#snapshots.clear();
  }

  /** The JSON of a list. */
  list(request: ListRequest): string {
    const { resource, matches, continueToken, resourceVersion } = request;
    // As the real server's watch cache: a list from version 0 is never paged.
    const limit = resourceVersion === '0' && continueToken === '' ? 0 : request.limit;
    this.#refuseFuture(resourceVersion);
    const token = continueToken ? readToken(continueToken) : { resourceVersion: this.#store.resourceVersion, start: 0 };
    const snapshot = continueToken ? this.#snapshotOf(request, token) : this.#begin(request);
    const end = limit > 0 ? token.start + limit : snapshot.length;
    const items = snapshot.slice(token.start, end);
    const remaining = snapshot.length - token.start - items.length;
    const metadata: Record<string, unknown> = { resourceVersion: String(token.resourceVersion) };
    if (remaining > 0) {
      this.#keep(request, token, snapshot);
      metadata.continue = writeToken({ resourceVersion: token.resourceVersion, start: end });
      if (!matches) metadata.remainingItemCount = remaining;
    }
    const head = { kind: `${resource.kind}List`, apiVersion: resource.apiVersion, metadata };
    return `${JSON.stringify(head).slice(0, -1)},"items":[${items.map(({ body }) => body).join(',')}]}`;
  }

  /** A version that this server has not seen yet; the real one waits 3 s for it before it says so. */
  #refuseFuture(resourceVersion: string): void {
    const current = this.#store.resourceVersion;
    if (Number(resourceVersion) <= current) return;
    throw new StatusError({
      code: 504,
      reason: 'Timeout',
      message: `Timeout: Too large resource version: ${resourceVersion}, current: ${current}`,
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    });
  }

  #begin({ resource, namespace, matches }: ListRequest): StoredObject[] {
    const all = this.#store.list(resource, namespace === '' ? undefined : namespace);
    return matches ? all.filter(({ object }) => matches(object)) : all;
  }

  #snapshotOf(request: ListRequest, token: Token): StoredObject[] {
    const snapshot = this.#snapshots.get(keyOf(request, token));
    if (snapshot) return snapshot;
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    );
  }

  #keep(request: ListRequest, token: Token, snapshot: StoredObject[]): void {
    this.#snapshots.set(keyOf(request, token), snapshot);
    const oldest = this.#snapshots.keys().next();
    if (this.#snapshots.size > kept && !oldest.done) this.#snapshots.delete(oldest.value);
  }
}

function keyOf({ resource, namespace }: ListRequest, { resourceVersion }: Token): string {
  return `${qualifiedName(resource)} ${namespace} ${resourceVersion}`;
}

function writeToken({ resourceVersion, start }: Token): string {
  const token = { v: 'meta.k8s.io/v1', rv: resourceVersion, start };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function readToken(text: string): Token {
  try {
    const { rv, start } = JSON.parse(Buffer.from(text, 'base64url').toString()) as { rv: number; start: number };
    if (Number.isInteger(rv) && Number.isInteger(start)) return { resourceVersion: rv, start };
  } catch {
    // Told below.
  }
  throw badRequest('continue key is not valid');
}
