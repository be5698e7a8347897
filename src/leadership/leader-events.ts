import type { Clock } from '../clock.ts';
import type { EventNote, EventRecorder, EventSubject } from '../kube/event-recorder.ts';

/** As long as there may be nobody who leads after a crash, and a little more. */
const KEEP_MS = 20_000;

export interface LeaderEventsOptions {
  recorder: Pick<EventRecorder, 'record'>;
  clock: Clock;
  leads: () => boolean;
}

/** Every replica sees what is worth an Event; the leader alone writes it, and then what the last one may have missed. */
export class LeaderEvents {
  readonly #options: LeaderEventsOptions;
  #kept: { at: number; subject: EventSubject; note: EventNote }[] = [];

  constructor(options: LeaderEventsOptions) {
    this.#options = options;
  }

  record(subject: EventSubject, note: EventNote): void {
    const { recorder, clock, leads } = this.#options;
    if (leads()) {
      recorder.record(subject, note);
      return;
    }
    const now = clock.now();
    this.#kept = this.#kept.filter(({ at }) => Math.abs(now - at) < KEEP_MS);
    this.#kept.push({ at: now, subject, note });
  }

  /** This replica leads from now on. */
  begin(): void {
    const kept = this.#kept;
    this.#kept = [];
    const now = this.#options.clock.now();
    for (const { at, subject, note } of kept) if (Math.abs(now - at) < KEEP_MS) this.record(subject, note);
  }
}
