import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './eventually.ts';
import type { ServiceProcess } from './service-process.ts';
import type { TestBed } from './test-bed.ts';

/** How readiness is followed; the chart's probe asks every 2 s, and 10 s of drain cover that. */
const PROBE_EVERY_MS = 500;
const FAILURE_THRESHOLD = 2;

/**
 * Several processes of the service behind one address, as a Service is one: new connections go to those that are ready by the
 * last probes, in turn; connections that there are stay where they are, and whoever is sent to a dead one is refused.
 */
export class ReplicaSet implements AsyncDisposable {
  readonly replicas: readonly ServiceProcess[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #failures = new Map<ServiceProcess, number>();
  readonly #stopping = new AbortController();
  #turn = 0;

  /** @param flags beside those of the bed's own service. */
  static async start(bed: TestBed, count: number, flags: Readonly<Record<string, string>> = {}): Promise<ReplicaSet> {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/mutate`;
    const replicas = Array.from({ length: count }, () => bed.newReplica({ 'webhook-url': url, ...flags }));
    const set = new ReplicaSet(server, replicas);
    try {
      for (const replica of replicas) await replica.start();
      await Promise.all(replicas.map((replica) => replica.ready()));
      await eventually(() => set.endpoints.length === count);
      return set;
    } catch (error) {
      await set[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(server: Server, replicas: readonly ServiceProcess[]) {
    this.#server = server;
    this.replicas = replicas;
    server.on('connection', (socket) => void this.#forward(socket));
    for (const replica of replicas) void this.#probe(replica);
  }

  /** Those that new connections go to. */
  get endpoints(): ServiceProcess[] {
    return this.replicas.filter((replica) => (this.#failures.get(replica) ?? FAILURE_THRESHOLD) < FAILURE_THRESHOLD);
  }

  /** The one that leads by its own account; undefined while there is none, or nobody agrees. */
  async leader(): Promise<ServiceProcess | undefined> {
    const running = this.replicas.filter((replica) => replica.isRunning);
    const leads = await Promise.all(running.map((replica) => replica.metric('leader').catch(() => 0)));
    const leaders = running.filter((_, index) => leads[index] === 1);
    return leaders.length === 1 ? leaders[0] : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    for (const replica of this.replicas) replica.signal('SIGCONT');
    await Promise.all(this.replicas.map((replica) => replica[Symbol.asyncDispose]()));
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  async #probe(replica: ServiceProcess): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const isReady = (await Promise.race([replica.probe('/readyz'), sleep(2_000)])) === 200;
      this.#failures.set(replica, isReady ? 0 : (this.#failures.get(replica) ?? FAILURE_THRESHOLD - 1) + 1);
      await sleep(PROBE_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #forward(client: Socket): Promise<void> {
    const { endpoints } = this;
    const chosen = endpoints[this.#turn++ % endpoints.length];
    if (!chosen) {
      client.destroy();
      return;
    }
    const [host = '', port] = (await chosen.addresses()).webhook.split(':');
    const upstream = connect({ host, port: Number(port) });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true).once('error', () => other.resetAndDestroy());
      one.once('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    upstream.pipe(client);
    client.pipe(upstream);
    client.resume();
  }
}
