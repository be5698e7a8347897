import { setTimeout as sleep } from 'node:timers/promises';
import { MANAGED_IMAGE } from '../contract/workloads.ts';
import type { ServiceInProcess } from './service-in-process.ts';

export type AdmissionVerdict = 'patched' | 'allowed as it is' | 'denied' | 'no answer';

/** Asks about a new Pod of a managed image. */
export async function askAdmission(service: ServiceInProcess, namespace: string): Promise<AdmissionVerdict> {
  try {
    const { allowed, patch } = await service.review(namespace, MANAGED_IMAGE);
    if (!allowed) return 'denied';
    return patch === undefined ? 'allowed as it is' : 'patched';
  } catch {
    return 'no answer';
  }
}

/** Asks all the time, until it is ended. */
export class AdmissionWatch {
  readonly verdicts = new Set<AdmissionVerdict>();
  #answers = 0;
  #slowestMs = 0;
  #isOver = false;
  readonly #asking: Promise<void>;

  constructor(service: ServiceInProcess, namespace: string) {
    this.#asking = this.#ask(service, namespace);
  }

  async end(): Promise<string> {
    this.#isOver = true;
    await this.#asking;
    return `${this.#answers} ${[...this.verdicts].join('/')}, slowest ${Math.ceil(this.#slowestMs)} ms`;
  }

  async #ask(service: ServiceInProcess, namespace: string): Promise<void> {
    while (!this.#isOver) {
      const askedAt = performance.now();
      this.verdicts.add(await askAdmission(service, namespace));
      this.#answers++;
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - askedAt);
      await sleep(50);
    }
  }
}
