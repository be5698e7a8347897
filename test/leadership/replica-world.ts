import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';
import { Elector } from '../../src/leadership/elector.ts';
import { MemoryApi } from '../fakes/memory-api.ts';
import { sleepBy } from '../fakes/sleep-by.ts';

/** Time as nobody sees it: each machine has a clock of its own. */
export class ReplicaWorld {
  readonly api = new MemoryApi();
  readonly replicas: SimulatedReplica[] = [];
  /** Milliseconds since the begin. */
  now = 0;
  /** While it is true every request fails. */
  isApiDown = false;

  add(options: ReplicaOptions = {}): SimulatedReplica {
    const replica = new SimulatedReplica(this, `replica-${this.replicas.length}`, options);
    this.replicas.push(replica);
    return replica;
  }

  get leaders(): string[] {
    return this.replicas.filter(({ elector }) => elector.leads).map(({ name }) => name);
  }

  /** Resolves when it is that late. */
  async reaches(ms: number): Promise<void> {
    while (this.now < ms) await setImmediate();
  }

  /** Lets time pass by steps. @param observe called after each. */
  async pass(ms: number, observe: () => void = () => undefined, stepMs = 250): Promise<void> {
    for (const end = this.now + ms; this.now < end;) {
      this.now = Math.min(this.now + stepMs, end);
      for (const replica of this.replicas) replica.wakeSleepers();
      await settle();
      observe();
    }
  }
}

export interface ReplicaOptions {
  /** How fast its clocks run. */
  rate?: number;
  /** What its clock on the wall differs by. */
  offsetMs?: number;
  /** Of each way of a request. */
  latencyMs?: number;
}

interface Sleeper {
  wakesAt: number;
  wake: () => void;
}

/** A process with an elector, which can be stopped and continued, be killed and asked to go. */
export class SimulatedReplica {
  readonly elector: Elector;
  readonly terms: AbortSignal[] = [];
  readonly failures: unknown[] = [];
  /** Until when it was told that the clean-up keeps it from leading. */
  readonly suspensions: number[] = [];
  isPaused = false;
  latencyMs: number;
  offsetMs: number;
  readonly #world: ReplicaWorld;
  readonly #rate: number;
  readonly #stopping = new AbortController();
  readonly #sleepers = new Set<Sleeper>();
  #running: Promise<void> | undefined;

  constructor(world: ReplicaWorld, name: string, { rate = 1, offsetMs = 0, latencyMs = 0 }: ReplicaOptions) {
    this.#world = world;
    this.name = name;
    this.#rate = rate;
    this.offsetMs = offsetMs;
    this.latencyMs = latencyMs;
    this.elector = new Elector({
      client: this.#client(),
      clock: this.#clock(),
      elapsedMs: () => this.elapsedMs,
      namespace: 'acr',
      identity: this.name,
      onFailure: (error) => this.failures.push(error),
      onSuspended: (until) => this.suspensions.push(until),
      onWatchRestart: () => undefined,
    });
  }

  readonly name: string;

  get elapsedMs(): number {
    return this.#world.now * this.#rate;
  }

  start(): this {
    this.#running = this.elector.run(this.#stopping.signal, (term) => this.terms.push(term));
    return this;
  }

  /** As SIGTERM does. */
  resign(): void {
    this.#stopping.abort();
  }

  async ended(): Promise<void> {
    await this.#running;
  }

  /** Whatever has slept long enough goes on, unless the process is stopped. */
  wakeSleepers(): void {
    if (this.isPaused) return;
    for (const sleeper of [...this.#sleepers]) {
      if (sleeper.wakesAt > this.elapsedMs) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }

  #clock(): Clock {
    const after: Clock['after'] = (ms, wake) => {
      const sleeper: Sleeper = { wakesAt: this.elapsedMs + ms, wake };
      this.#sleepers.add(sleeper);
      return () => void this.#sleepers.delete(sleeper);
    };
    return {
      now: () => Math.round(1e12 + this.offsetMs + this.elapsedMs),
      sleep: (ms, signal) => sleepBy({ after }, ms, signal),
      after,
    };
  }

  /** The API as this process reaches it: requests take their time, and a stopped process sends and takes in nothing. */
  #client(): MemoryApi {
    const { api } = this.#world;
    const travel = async () => {
      if (this.latencyMs > 0 || this.isPaused) await this.#clock().sleep(this.latencyMs);
      if (this.#world.isApiDown) throw new Error('nobody answers');
    };
    const call = async <T>(send: () => Promise<T>): Promise<T> => {
      await travel();
      const answer = await send();
      await travel();
      return answer;
    };
    const watch = async function* (this: SimulatedReplica, ...args: Parameters<MemoryApi['watch']>) {
      for await (const event of api.watch(...args)) {
        await travel();
        yield event;
      }
    }.bind(this);
    const client = {
      list: (...args: Parameters<MemoryApi['list']>) => call(() => api.list(...args)),
      apply: (...args: Parameters<MemoryApi['apply']>) => call(() => api.apply(...args)),
      jsonPatch: (...args: Parameters<MemoryApi['jsonPatch']>) => call(() => api.jsonPatch(...args)),
      watch,
    };
    return client as unknown as MemoryApi;
  }
}

/** Until all that waits for nothing but promises is done. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await setImmediate();
}
