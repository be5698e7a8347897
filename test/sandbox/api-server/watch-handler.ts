import type { ServerResponse } from 'node:http';
import { selectorsOf } from './api-handler.ts';
import type { Faults } from './faults.ts';
import type { ObjectStore } from './object-store.ts';
import type { RequestInfo } from './request-info.ts';
import type { LoggedRequest } from './request-log.ts';
import { badRequest, invalid, StatusError, toWire } from './status-error.ts';
import type { WatchHub } from './watch-hub.ts';
import { WatchStream } from './watch-stream.ts';
import type { OpenWatches } from './watch-stream.ts';

export interface WatchHandlerOptions {
  store: ObjectStore;
  hub: WatchHub;
  open: OpenWatches;
  faults: Faults;
  bookmarkIntervalMs: number;
}

// The last bookmark goes out this long before a watch ends.
const lastBookmarkMs = 2000;

/** Serves watches. */
export class WatchHandler {
  readonly #options: WatchHandlerOptions;

  constructor(options: WatchHandlerOptions) {
    this.#options = options;
  }

  serve(info: RequestInfo, query: URLSearchParams, logged: LoggedRequest, response: ServerResponse): void {
    const { hub, open, faults } = this.#options;
    if (query.has('resourceVersionMatch')) throw matchForbidden();
    const interest = {
      resource: info.resource,
      matches: selectorsOf(info, query),
      ...(info.namespace !== '' && { namespace: info.namespace }),
    };
    const resourceVersion = Number(query.get('resourceVersion') ?? 0);
    if (!Number.isInteger(resourceVersion)) throw badRequest('invalid resource version');
    const stream = new WatchStream(logged, response, faults.isStalled(logged));
    stream.open();
    open.add(stream);
    try {
      stream.onClose(hub.watch(interest, resourceVersion, stream.send));
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      stream.send(`{"type":"ERROR","object":${JSON.stringify(toWire(error.body))}}\n`);
      stream.end();
      return;
    }
    this.#schedule(info, query, stream);
  }

  #schedule(info: RequestInfo, query: URLSearchParams, stream: WatchStream): void {
    const timeoutMs = Number(query.get('timeoutSeconds') ?? 0) * 1000;
    if (timeoutMs > 0) stream.after(timeoutMs, stream.end);
    if (!['true', '1'].includes(query.get('allowWatchBookmarks') ?? '')) return;
    const bookmark = () => {
      stream.send(this.#bookmark(info));
    };
    stream.every(this.#options.bookmarkIntervalMs, bookmark);
    if (timeoutMs > lastBookmarkMs) stream.after(timeoutMs - lastBookmarkMs, bookmark);
  }

  #bookmark({ resource: { kind, apiVersion } }: RequestInfo): string {
    const metadata = { resourceVersion: String(this.#options.store.resourceVersion), creationTimestamp: null };
    return `${JSON.stringify({ type: 'BOOKMARK', object: { kind, apiVersion, metadata } })}\n`;
  }
}

/** Who asks a watch to begin with a list, as client-go does since Kubernetes 1.35, takes this for a no and lists by itself. */
function matchForbidden(): StatusError {
  const field = 'resourceVersionMatch';
  const error = {
    reason: 'FieldValueForbidden' as const,
    field,
    message: 'Forbidden: resourceVersionMatch is forbidden for watch',
  };
  return invalid({ kind: 'ListOptions', group: 'meta.k8s.io' }, '', [error]);
}
