import { controllerUser } from './api-object.ts';
import type { ApiResources } from './api-resources.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { ObjectStore } from './object-store.ts';
import type { ObjectWriter, WriteRequest } from './object-writer.ts';

/** What every controller works with. */
export interface ControllerContext {
  store: ObjectStore;
  writer: ObjectWriter;
  resources: ApiResources;
  signal: AbortSignal;
}

/** A write by a controller of kube-controller-manager, under its own identity. */
export function writeAs(controller: string): WriteRequest {
  // kube-controller-manager drops warnings.
  return { user: controllerUser(controller), manager: 'kube-controller-manager', dryRun: false, warn: () => undefined };
}

export function queueOf({ signal }: ControllerContext, reconcile: (key: string) => Promise<void>): KeyedQueue {
  return new KeyedQueue({ reconcile, signal });
}
