import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../test/contract/eventually.ts';
import type { ServiceProcess } from '../test/contract/service-process.ts';
import { cpuMsOf, type Child } from './child.ts';
import { endService, namespaceNames, serviceIn, startCluster, type Cluster, type ClusterOptions } from './cluster.ts';

/** How large the cluster is that the rows of a large cluster speak of. */
export const NAMESPACES = 10_000;
export const SERVICE_ACCOUNTS = 50_000;
/** One in each namespace is its `default`. */
export const BESIDES_DEFAULT = SERVICE_ACCOUNTS / NAMESPACES - 1;

const PATIENCE = { withinMs: 300_000, everyMs: 50 };
/** What a service takes that has nothing to do, probe and Lease included, is less. */
const IDLE_SHARE = 0.05;
const IDLE_FOR_MS = 1_000;

export interface LargeBed extends AsyncDisposable {
  service: ServiceProcess;
  cluster: Child<Cluster>;
  /** Has everything listed anew; resolves when that is done. */
  relist: () => Promise<void>;
  /** Has the tokens renewed; resolves when every namespace has the new one. */
  renew: () => Promise<void>;
}

export interface LargeBedOptions extends Partial<ClusterOptions> {
  nodeOptions?: string;
}

/** A large cluster, and the service in it once it has nothing more to do. */
export async function startLargeBed(options: LargeBedOptions = {}): Promise<LargeBed> {
  const { nodeOptions, namespaces = namespaceNames(NAMESPACES), ...rest } = options;
  await using started = new AsyncDisposableStack();
  const cluster = started.use(await startCluster({ serviceAccounts: BESIDES_DEFAULT, ...rest, namespaces }));
  const service = started.adopt(serviceIn(cluster.ready, { nodeOptions }), endService);
  await service.start();
  const everyPullSecret = () =>
    eventually(async () => (await cluster.ask<number>('pullSecretWrites')) >= namespaces.length, PATIENCE);
  await everyPullSecret();
  await service.ready();
  await idle(service.pid);
  const parts = started.move();
  return {
    service,
    cluster,
    relist: async () => {
      const watches = await cluster.ask<number>('openWatches');
      await cluster.ask('relist');
      await eventually(async () => (await cluster.ask<number>('openWatches')) >= watches, PATIENCE);
    },
    renew: async () => {
      await cluster.ask('forgetRequests');
      await cluster.ask('renew');
      await everyPullSecret();
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Resolves once a process has done next to nothing for a while. */
export async function idle(pid: number): Promise<void> {
  await eventually(async () => {
    const before = await cpuMsOf(pid);
    await sleep(IDLE_FOR_MS);
    return (await cpuMsOf(pid)) - before < IDLE_SHARE * IDLE_FOR_MS;
  }, PATIENCE);
}
