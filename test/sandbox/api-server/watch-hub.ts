import { jsonOf } from './object-store.ts';
import type { ObjectStore, StoredObject, StoreEvent } from './object-store.ts';
import { qualifiedName } from './api-resources.ts';
import type { ApiResource } from './api-resources.ts';
import type { ObjectMatcher } from './selectors.ts';
import { expired } from './status-error.ts';

/** Which changes a watch wants to hear of. */
export interface WatchInterest {
  resource: ApiResource;
  namespace?: string;
  matches?: ObjectMatcher;
}

type Line = (text: string) => void;

/** An event whose lines are made once, however many watches they go to. */
class SharedEvent {
  readonly event: StoreEvent;
  readonly #lines = new Map<string, string>();

  constructor(event: StoreEvent) {
    this.event = event;
  }

  /** The line that this watch sees, if any: an object that starts or stops to match comes and goes. */
  lineFor({ namespace, matches }: WatchInterest): string | undefined {
    const { type, stored, previous } = this.event;
    if (namespace && stored.namespace !== namespace) return undefined;
    if (!matches) return this.#line(type, stored);
    const before = previous !== undefined && matches(previous.object);
    const after = type !== 'DELETED' && matches(stored.object);
    if (after) return this.#line(before ? 'MODIFIED' : 'ADDED', stored);
    return before ? this.#line('DELETED', type === 'DELETED' ? stored : this.#lastMatching(previous)) : undefined;
  }

  /** The state before it stopped to match, under the version of the change. */
  #lastMatching(previous: StoredObject): StoredObject {
    const { metadata, ...rest } = previous.object;
    const { kind, apiVersion, ...content } = rest;
    const resourceVersion = String(this.event.resourceVersion);
    const body = JSON.stringify({ metadata: { ...metadata, resourceVersion }, ...content });
    return { ...previous, object: { ...previous.object, kind, apiVersion }, body };
  }

  #line(type: StoreEvent['type'], stored: StoredObject): string {
    let line = this.#lines.get(type);
    if (!line) this.#lines.set(type, (line = `{"type":"${type}","object":${jsonOf(stored)}}\n`));
    return line;
  }
}

interface History {
  events: SharedEvent[];
  /** Watches from before this version can no longer be served. */
  floor: number;
}

/** Hands changes to watches, from a bounded memory of each resource's past. */
export class WatchHub {
  readonly #store: ObjectStore;
  readonly #historySize: number;
  readonly #histories = new Map<string, History>();
  readonly #watchers = new Map<string, Set<{ interest: WatchInterest; line: Line }>>();
  #floor = 0;

  constructor(store: ObjectStore, historySize: number) {
    this.#store = store;
    this.#historySize = historySize;
    store.subscribe((event) => {
      this.#remember(event);
    });
  }

  /** Forgets the past of every resource: a watch from any version seen so far is 410 Gone. */
  expire(): void {
    this.#floor = this.#store.advance();
    this.#histories.clear();
  }

  /**
   * Calls `line` for each change after `resourceVersion` (0: for the present state first), then for each new one,
   * until the returned function is called. Throws a 410 Expired when the past is no longer known.
   */
  watch(interest: WatchInterest, resourceVersion: number, line: Line): () => void {
    if (resourceVersion === 0) this.#tellPresent(interest, line);
    else this.#tellPast(interest, resourceVersion, line);
    const key = qualifiedName(interest.resource);
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers);
    const watcher = { interest, line };
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }

  #tellPresent({ resource, namespace, matches }: WatchInterest, line: Line): void {
    for (const stored of this.#store.list(resource, namespace)) {
      if (!matches || matches(stored.object)) line(`{"type":"ADDED","object":${jsonOf(stored)}}\n`);
    }
  }

  #tellPast(interest: WatchInterest, resourceVersion: number, line: Line): void {
    const { events } = this.#historyOf(interest.resource);
    const floor = this.#floorOf(interest.resource);
    if (resourceVersion < floor) throw expired(`too old resource version: ${resourceVersion} (${floor})`);
    for (let index = firstAfter(events, resourceVersion); index < events.length; index++) {
      const text = events[index]?.lineFor(interest);
      if (text) line(text);
    }
  }

  #floorOf(resource: ApiResource): number {
    const { events, floor } = this.#historyOf(resource);
    const beyond = events.length - this.#historySize;
    return events[beyond - 1]?.event.resourceVersion ?? floor;
  }

  #historyOf(resource: ApiResource): History {
    const key = qualifiedName(resource);
    let history = this.#histories.get(key);
    if (!history) this.#histories.set(key, (history = { events: [], floor: this.#floor }));
    return history;
  }

  #remember(event: StoreEvent): void {
    const shared = new SharedEvent(event);
    const history = this.#historyOf(event.resource);
    history.events.push(shared);
    // Trimmed by halves, so that a long past costs nothing per event.
    if (history.events.length > 2 * this.#historySize) {
      const dropped = history.events.splice(0, history.events.length - this.#historySize);
      history.floor = dropped.at(-1)?.event.resourceVersion ?? history.floor;
    }
    for (const { interest, line } of this.#watchers.get(qualifiedName(event.resource)) ?? []) {
      const text = shared.lineFor(interest);
      if (text) line(text);
    }
  }
}

/** The index of the first event after a version, by halving: the past is ordered. */
function firstAfter(events: SharedEvent[], resourceVersion: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.event.resourceVersion ?? 0) <= resourceVersion) low = middle + 1;
    else high = middle;
  }
  return low;
}
