import type { EventNote, EventRecorder } from '../kube/event-recorder.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';

/** Warnings unless they say otherwise. */
export type ConfigMapNote = Omit<EventNote, 'type'> & { type?: EventNote['type'] };

/** Events on the ConfigMap, where whoever edits the configuration looks. */
export class ConfigMapEvents {
  readonly #events: Pick<EventRecorder, 'record'>;
  readonly #configMap: Required<ObjectRef>;

  constructor(events: Pick<EventRecorder, 'record'>, configMap: Required<ObjectRef>) {
    this.#events = events;
    this.#configMap = configMap;
  }

  /** @param uid of the ConfigMap, where it is known. */
  record(note: ConfigMapNote, uid?: string): void {
    const { apiVersion, kind } = resources.configMaps;
    this.#events.record({ apiVersion, kind, ...this.#configMap, uid }, { type: 'Warning', ...note });
  }
}
