import type { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { keyOf } from '../../src/kube/object-map.ts';
import type { Resource } from '../../src/kube/resources.ts';
import { eventually } from './eventually.ts';

/** A change as a watch told of it. A write that changed nothing is none. */
export interface Change<T extends KubeObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: T;
  /** When the watch told, in milliseconds since the epoch. */
  at: number;
}

export interface RecorderScope<T extends KubeObject> {
  namespace?: string;
  fieldSelector?: string;
  /** Called with each change as it comes. */
  onChange?: (change: Change<T>) => void;
}

/** Every change of the objects of one resource from the start of the recording on: the evidence of who wrote how often. */
export class ChangeRecorder<T extends KubeObject> implements AsyncDisposable {
  readonly changes: Change<T>[] = [];
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  static async start<T extends KubeObject>(
    client: KubeClient,
    resource: Resource,
    scope: RecorderScope<T> = {},
  ): Promise<ChangeRecorder<T>> {
    const { namespace, fieldSelector } = scope;
    const recorder = new ChangeRecorder<T>();
    const { metadata } = await client.list<T>(resource, { namespace, fieldSelector, limit: 1 });
    recorder.#running = recorder.#record(client, resource, scope, metadata.resourceVersion ?? '');
    recorder.#running.catch(() => undefined); // told when the recording ends
    return recorder;
  }

  /** The changes of one object, `namespace/name` or the name of a cluster-scoped one. */
  of(key: string): Change<T>[] {
    return this.changes.filter(({ object }) => keyOf(object) === key);
  }

  /** Resolves once the watch has told of this very state of an object, and so of every change before it. */
  async caughtUpWith({ metadata: { resourceVersion } }: KubeObject): Promise<void> {
    await eventually(() => this.changes.some(({ object }) => object.metadata.resourceVersion === resourceVersion));
  }

  /** Ends the recording. @throws when a watch had failed, and changes may be missing. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #record(client: KubeClient, resource: Resource, scope: RecorderScope<T>, version: string): Promise<void> {
    const { onChange, ...selection } = scope;
    const { signal } = this.#stopping;
    let resourceVersion = version;
    const follow = async () => {
      const watch = { ...selection, resourceVersion, timeoutSeconds: 900, signal };
      for await (const { type, object } of client.watch<T>(resource, watch)) {
        resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
        if (type !== 'BOOKMARK' && type !== 'ERROR') this.#keep({ type, object, at: Date.now() }, onChange);
      }
    };
    try {
      // The server ends the watch of a client that is slow to read; from the version that was last seen on nothing is missed.
      while (!signal.aborted) await follow();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #keep(change: Change<T>, onChange: RecorderScope<T>['onChange']): void {
    this.changes.push(change);
    onChange?.(change);
  }
}
