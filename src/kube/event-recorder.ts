import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { FIELD_MANAGER } from './field-manager.ts';
import type { KubeClient } from './kube-client.ts';
import type { KubeEvent, KubeObject } from './objects.ts';
import { resources } from './resources.ts';

/** The same Event about the same object is sent once in this time: a state that lasts is no storm. */
const REPEAT_AFTER_MS = 10 * 60_000;
const MESSAGE_LIMIT = 1_024;
/** What is wrong in every namespace at once must not keep the API server from being asked for anything else. */
const AT_ONCE = 8;
const WAITING_LIMIT = 200;

/** What an Event is about. `uid` is what `kubectl describe` finds Events by; it may be unknown. */
export interface EventSubject {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
  uid?: string;
}

export interface EventNote {
  type: 'Normal' | 'Warning';
  /** UpperCamelCase. */
  reason: string;
  message: string;
  /** What makes two notes the same, where their messages differ in what does not matter; default: the message. */
  sameAs?: string;
}

/** Writes core/v1 Events, a few at a time. Losing one is no fault of what it reports, so nothing waits for it and nothing throws. */
export class EventRecorder {
  readonly #client: Pick<KubeClient, 'create'>;
  readonly #clock: Clock;
  readonly #ownNamespace: string;
  readonly #onFailure: (error: unknown) => void;
  readonly #onFlood: () => void;
  readonly #sentAt = new Map<string, number>();
  readonly #waiting: (KubeEvent & KubeObject)[] = [];
  #senders = 0;
  #isFlooded = false;

  constructor(options: {
    client: Pick<KubeClient, 'create'>;
    clock: Clock;
    ownNamespace: string;
    onFailure: (error: unknown) => void;
    /** More come than can be written: some are left out until what waits is done. */
    onFlood: () => void;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#ownNamespace = options.ownNamespace;
    this.#onFailure = options.onFailure;
    this.#onFlood = options.onFlood;
  }

  record(subject: EventSubject, note: EventNote): void {
    const now = this.#clock.now();
    const key = JSON.stringify([
      subject.kind,
      subject.namespace,
      subject.name,
      note.reason,
      note.sameAs ?? note.message,
    ]);
    this.#forget(now);
    if (this.#sentAt.has(key) || !this.#hasRoom()) return;
    this.#sentAt.set(key, now);
    this.#waiting.push(this.#event(subject, note, now));
    if (this.#senders < AT_ONCE) void this.#send();
  }

  #hasRoom(): boolean {
    if (this.#waiting.length < WAITING_LIMIT) return true;
    if (!this.#isFlooded) this.#onFlood();
    this.#isFlooded = true;
    return false;
  }

  async #send(): Promise<void> {
    this.#senders += 1;
    for (let event = this.#waiting.shift(); event; event = this.#waiting.shift()) {
      await this.#client.create(resources.events, event, { timeoutMs: 5_000 }).catch(this.#onFailure);
    }
    this.#senders -= 1;
    this.#isFlooded = false;
  }

  #event(subject: EventSubject, note: EventNote, now: number): KubeEvent & KubeObject {
    const timestamp = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        // A cluster-scoped object's Events live in `default`, where kubectl looks for them.
        namespace: subject.namespace ?? 'default',
        name: `${subject.name.slice(0, 200)}.${randomBytes(8).toString('hex')}`,
      },
      involvedObject: subject,
      type: note.type,
      reason: note.reason,
      message: note.message.slice(0, MESSAGE_LIMIT),
      source: { component: FIELD_MANAGER },
      reportingComponent: FIELD_MANAGER,
      reportingInstance: this.#ownNamespace,
      firstTimestamp: timestamp,
      lastTimestamp: timestamp,
      count: 1,
    };
  }

  #forget(now: number): void {
    // A clock that was set, back or forward, starts anew.
    for (const [key, sentAt] of this.#sentAt) if (Math.abs(now - sentAt) >= REPEAT_AFTER_MS) this.#sentAt.delete(key);
  }
}
