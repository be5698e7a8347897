import { fastify, type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { listenOn, type ListenAddress } from './listen-address.ts';

/** A condition of readiness and whether it holds. */
export type ReadinessChecks = Record<string, boolean>;

export interface StatusServerOptions {
  listen: ListenAddress;
  metrics: Registry;
  /** Brings the metrics up to date that are only counted when somebody asks. */
  beforeScrape: () => void;
  readiness: () => ReadinessChecks;
  /** The state of the service for people; holds no secret. */
  status: () => object;
}

/** Plain HTTP for probes, Prometheus and people: `/livez`, `/readyz`, `/metrics`, `/status`. */
export class StatusServer {
  readonly #server: FastifyInstance;
  readonly #listen: ListenAddress;

  constructor({ listen, metrics, beforeScrape, readiness, status }: StatusServerOptions) {
    this.#listen = listen;
    const server = fastify({ forceCloseConnections: true });
    // Only of this process: a cloud or an API server that is away is no reason to restart it.
    server.get('/livez', () => 'ok');
    server.get('/readyz', (_request, reply) => {
      const checks = readiness();
      const isReady = Object.values(checks).every(Boolean);
      return reply.code(isReady ? 200 : 503).send({ ready: isReady, checks });
    });
    server.get('/metrics', async (_request, reply) => {
      beforeScrape();
      return reply.type(metrics.contentType).send(await metrics.metrics());
    });
    server.get('/status', (_request, reply) => reply.type('application/json').send(JSON.stringify(status(), null, 2)));
    this.#server = server;
  }

  start(): Promise<string> {
    return listenOn(this.#server, this.#listen);
  }

  async stop(): Promise<void> {
    await this.#server.close();
  }
}
