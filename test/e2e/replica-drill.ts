import { setTimeout as sleep } from 'node:timers/promises';
import type { Secret } from '../../src/kube/objects.ts';
import { keyOf } from '../../src/kube/object-map.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from '../contract/change-recorder.ts';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { ReplicaSet } from '../contract/replica-set.ts';
import { runAtOnce } from '../contract/run-at-once.ts';
import type { TestBed } from '../contract/test-bed.ts';
import type { ApiServerProcess } from './api-server-process.ts';
import { CreationLoad, type Creation } from './creation-load.ts';

const NAMESPACES = 20;
const REPLICAS = 3;
/** Longer than it takes until nobody is sent to a replica that is unready. */
const DRAIN = '4s';
const fieldSelector = `metadata.name=${PULL_SECRET}`;
/** What the kernel and the balancer's probes need to notice that a replica is dead. */
const NOTICED_AFTER_MS = 3_000;

/** What a drill found. */
export interface DrillResult {
  creations: readonly Creation[];
  /** Between the death of the leader and the moment that no connection is sent to it any more, in milliseconds of the load. */
  death: { from: number; to: number };
  /** Namespaces and contents that were written more than once. */
  writtenTwice: string[];
  renewals: number;
  certificates: number;
  figures: string;
}

/** A bed whose tokens are renewed every 20 s, for the drill. */
export const drillBed = {
  started: false,
  targetCount: NAMESPACES,
  tokenLifeMs: 40_000,
  configuration: { 'webhook-configuration': 'enable: true\nfailure-policy: Fail\ntimeout-seconds: 10\n' },
};

/** Three replicas under a steady load of creations, of which everything happens to each. */
export class ReplicaDrill {
  readonly #bed: TestBed;
  readonly #apiServer: ApiServerProcess | undefined;
  readonly #namespaces: string[] = [];
  readonly #contents = new Map<string, number>();
  #load: CreationLoad;
  #apiServerAwayMs = 0;

  constructor(bed: TestBed, apiServer: ApiServerProcess | undefined) {
    this.#bed = bed;
    this.#apiServer = apiServer;
    this.#load = new CreationLoad(bed, this.#namespaces);
  }

  async run(perSecond: number): Promise<DrillResult> {
    const { cloud } = this.#bed;
    this.#namespaces.push(...Array.from({ length: NAMESPACES }, () => this.#bed.nextTarget()));
    await runAtOnce(10, this.#namespaces, (name) => this.#bed.namespace(name));
    await using set = await ReplicaSet.start(this.#bed, REPLICAS, {
      drain: DRAIN,
      'certificate-lifetime': '30s', // renewed after 20 s
      'log-level': 'info',
    });
    const secrets = async () => (await this.#bed.client.list<Secret>(resources.secrets, { fieldSelector })).items;
    await eventually(async () => (await secrets()).length >= NAMESPACES, { withinMs: 30_000 });

    const issuedBefore = cloud.issuedTokens.length;
    this.#load = new CreationLoad(this.#bed, this.#namespaces);
    this.#load.phase = 'all is well';
    this.#load.begin(perSecond);
    const death = await this.#recording(async () => {
      await sleep(10_000);
      const found = await this.#killLeader(set);
      await this.#restartInTurn(set);
      return found;
    });
    if (this.#apiServer) await this.#restartApiServer(this.#apiServer, set);
    await this.#load.end();

    const writtenTwice = [...this.#contents].filter(([, count]) => count > 1).map(([key]) => key);
    const renewals = cloud.issuedTokens.length - issuedBefore;
    const certificates = set.replicas.flatMap(({ logs }) =>
      logs.filter(({ msg }) => msg === 'certificate issued'),
    ).length;
    const { creations } = this.#load;
    const result = { creations, death, writtenTwice, renewals, certificates };
    const failures = [...(this.#apiServer?.webhookFailures ?? [])].map(([reason, count]) => `${count} times ${reason}`);
    const away = `the API server was away for ${Math.round(this.#apiServerAwayMs)} ms`;
    return { ...result, figures: [`${figuresOf(result, this.#load)}; ${away}`, ...failures].join('\n') };
  }

  async #killLeader(set: ReplicaSet): Promise<DrillResult['death']> {
    const leader = await eventually(() => set.leader());
    this.#load.phase = 'leader killed';
    const from = this.#load.now;
    await leader.kill();
    await eventually(() => !set.endpoints.includes(leader));
    const to = this.#load.now;
    // Nobody is left to be taken for it.
    await eventually(async () => (await set.leader()) !== undefined, { withinMs: 15_000 });
    await sleep(2_000);
    await leader.start();
    await leader.ready();
    await eventually(() => set.endpoints.length === REPLICAS);
    return { from, to };
  }

  async #restartInTurn(set: ReplicaSet): Promise<void> {
    for (const [index, replica] of set.replicas.entries()) {
      this.#load.phase = `replica ${index + 1} restarted`;
      replica.signal('SIGTERM');
      await replica.exited();
      await replica.start();
      await replica.ready();
      await eventually(() => set.endpoints.length === REPLICAS);
    }
  }

  async #restartApiServer(apiServer: ApiServerProcess, set: ReplicaSet): Promise<void> {
    // An API server may stay away for longer than such tokens live; without it none can be renewed.
    const { cloud } = this.#bed;
    cloud.tokenLifeMs = 3_600_000;
    const issued = cloud.issuedTokens.length;
    await eventually(() => cloud.issuedTokens.length > issued, { withinMs: 40_000 });
    await sleep(2_000);
    this.#load.phase = 'API server restarted';
    const startedAt = this.#load.now;
    await apiServer.restart();
    await eventually(() => this.#bed.client.version(), { withinMs: 60_000 });
    this.#apiServerAwayMs = this.#load.now - startedAt;
    await this.#recording(async () => {
      await eventually(async () => (await set.leader()) !== undefined, { withinMs: 30_000 });
      await sleep(15_000);
    });
  }

  /** Counts, by namespace and content, how often pull Secrets are written meanwhile. */
  async #recording<T>(act: () => Promise<T>): Promise<T> {
    await using recorder = await ChangeRecorder.start<Secret>(this.#bed.client, resources.secrets, { fieldSelector });
    const result = await act();
    for (const { type, object } of recorder.changes) {
      const key = `${type} ${keyOf(object)} ${object.metadata.annotations?.['acr-credential-injector/content-hash'] ?? ''}`;
      this.#contents.set(key, (this.#contents.get(key) ?? 0) + 1);
    }
    return result;
  }
}

/** Were the attempts refused while, as far as anybody could know, the dead replica was still a good address? */
export function isOfDeath(creation: Creation, { from, to }: DrillResult['death']): boolean {
  const { refusedAt, at, endedAt, injected } = creation;
  const until = Math.max(to + 500, from + NOTICED_AFTER_MS);
  if (!injected) return at <= until && endedAt >= from;
  return refusedAt.every((moment) => moment >= from - 200 && moment <= until);
}

function figuresOf(result: Omit<DrillResult, 'figures'>, load: CreationLoad): string {
  const phases = Map.groupBy(result.creations, ({ phase }) => phase);
  const rows = [...phases].map(([phase, creations]) => {
    const refused = creations.filter(({ refusedAt }) => refusedAt.length > 0).length;
    const missed = creations.filter(({ injected }) => !injected).length;
    const away = creations.filter(({ unreachable }) => unreachable > 0).length;
    const cells = [creations.length, refused, missed, away].map((count) => String(count).padStart(9));
    return `${phase.padEnd(24)}${cells.join('')}`;
  });
  const { from, to } = result.death;
  return [
    `${'while'.padEnd(24)}  created  refused   missed  no answer of the API server`,
    ...rows,
    `the dead leader was a good address for ${Math.round(to - from)} ms; ${Math.round((result.creations.length / load.now) * 1_000)} creations a second`,
    `${result.renewals} renewals, ${result.certificates} serving certificates, ${result.writtenTwice.length} contents written twice, ${load.skipped} creations skipped`,
  ].join('\n');
}
