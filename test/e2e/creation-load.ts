import { setTimeout as sleep } from 'node:timers/promises';
import { KubeApiError } from '../../src/errors.ts';
import type { Pod, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import type { TestBed } from '../contract/test-bed.ts';
import { namesIn, pod, serviceAccount } from '../contract/workloads.ts';

/** What became of one object that somebody wanted to exist. */
export interface Creation {
  kind: 'ServiceAccount' | 'Pod';
  key: string;
  /** What happened meanwhile. */
  phase: string;
  /** When the first attempt began, in milliseconds of the load's time. */
  at: number;
  /** When the answer came. */
  endedAt: number;
  /** When an attempt was refused because the webhook was not reached, or denied it. */
  refusedAt: number[];
  /** Why, the first time. */
  refusal?: string;
  /** Attempts that the API server did not take at all. */
  unreachable: number;
  /** Did the answer carry the reference? */
  injected: boolean;
}

/** In flight at most: more than a machine can do tells of the machine, and an API server that is away of nothing. */
const LIMIT = 64;
const RETRY_MS = 250;
const READY_WITHIN = { withinMs: 60_000, everyMs: 100 };

/** Creates ServiceAccounts and Pods at a steady rate, and tries again as a controller does when it is refused. */
export class CreationLoad {
  phase = '';
  readonly creations: Creation[] = [];
  readonly #bed: TestBed;
  readonly #namespaces: readonly string[];
  readonly #startedAt = performance.now();
  readonly #inFlight = new Set<Promise<void>>();
  /**
   * While the API server is not ready nobody is sent to it: one that has only just begun takes ServiceAccounts before it knows of
   * webhooks (seen on 1.20).
   */
  #away: Promise<unknown> | undefined;
  #isOver = false;
  #running: Promise<void> = Promise.resolve();
  #skipped = 0;

  constructor(bed: TestBed, namespaces: readonly string[]) {
    this.#bed = bed;
    this.#namespaces = namespaces;
  }

  /** Milliseconds since the load was made. */
  get now(): number {
    return performance.now() - this.#startedAt;
  }

  /** Creations that were left out because too many were waiting. */
  get skipped(): number {
    return this.#skipped;
  }

  begin(perSecond: number): void {
    this.#running = this.#run(perSecond);
  }

  /** No more of them; resolves when all that were begun have come to an end. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    await Promise.all(this.#inFlight);
  }

  async #run(perSecond: number): Promise<void> {
    const startedAt = this.now;
    for (let count = 0; !this.#isOver;) {
      const due = ((this.now - startedAt) / 1_000) * perSecond;
      for (; count < due; count++) {
        if (this.#inFlight.size >= LIMIT) this.#skipped += 1;
        else this.#begin(count);
      }
      await sleep(5);
    }
  }

  #begin(count: number): void {
    const creation = this.#create(count);
    this.#inFlight.add(creation);
    void creation.finally(() => this.#inFlight.delete(creation));
  }

  async #create(count: number): Promise<void> {
    const kind = count % 2 === 0 ? 'ServiceAccount' : 'Pod';
    const namespace = this.#namespaces[(count >> 1) % this.#namespaces.length] ?? '';
    const metadata = { namespace, name: `${kind.toLowerCase()}-${count}` };
    const key = `${namespace}/${metadata.name}`;
    const creation: Creation = {
      kind,
      key,
      phase: this.phase,
      at: this.now,
      endedAt: 0,
      refusedAt: [],
      unreachable: 0,
      injected: false,
    };
    const attempt = kind === 'Pod' ? () => this.#createPod(metadata) : () => this.#createServiceAccount(metadata);
    for (let isDone = false; !isDone;) {
      try {
        await this.#away;
        creation.injected = namesIn(await attempt()).includes(PULL_SECRET);
        isDone = true;
      } catch (error) {
        isDone = await this.#isThere(creation, error);
      }
    }
    creation.endedAt = this.now;
    this.creations.push(creation);
  }

  async #createPod(metadata: { namespace: string; name: string }): Promise<NamedList> {
    const created = await this.#bed.user.create<Pod>(resources.pods, pod(metadata));
    return created.spec?.imagePullSecrets;
  }

  async #createServiceAccount(metadata: { namespace: string; name: string }): Promise<NamedList> {
    const created = await this.#bed.user.create<ServiceAccount>(resources.serviceAccounts, serviceAccount(metadata));
    return created.imagePullSecrets;
  }

  /** Notes a failure and waits; resolves to true when an attempt without an answer did create the object. */
  async #isThere(creation: Creation, error: unknown): Promise<boolean> {
    const status = error instanceof KubeApiError ? error.status : 0;
    if (status === 409 && creation.unreachable > 0) {
      // Its answer is lost, and so is what it was at its creation: a Pod says it still, as nothing can be added later.
      creation.injected = true;
      return true;
    }
    const message = error instanceof Error ? error.message : String(error);
    if (status >= 500 && message.includes('webhook')) {
      creation.refusedAt.push(this.now);
      creation.refusal ??= message;
    } else {
      creation.unreachable += 1;
      this.#away ??= eventually(() => this.#bed.user.isServerReady(), READY_WITHIN).finally(
        () => (this.#away = undefined),
      );
    }
    await sleep(RETRY_MS);
    return false;
  }
}

type NamedList = readonly { name?: string }[] | undefined;
