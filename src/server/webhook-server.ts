import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { AdmissionHandler, Verdict } from '../admission/admission-handler.ts';
import { formatAdmissionReview, parseAdmissionReview, UnreadableReviewError } from '../admission/admission-review.ts';
import type { CertificateSource, ServingCertificate } from '../certificates/certificate-source.ts';
import { MUTATE_PATH } from '../webhook/webhook-configuration.ts';
import { listenOn, type ListenAddress } from './listen-address.ts';

/** An object and its old self of up to 1.5 MiB each in etcd, as JSON about twice that, and an envelope. */
const BODY_LIMIT_BYTES = 7 * 1024 * 1024;
/** Longer than the API server keeps an idle connection (90 s), so that it is never this side that closes one in use. */
const KEEP_ALIVE_MS = 120_000;
/** The longest timeout that Kubernetes allows a webhook. */
const REQUEST_MS = 30_000;

export interface WebhookServerOptions {
  listen: ListenAddress;
  handler: Pick<AdmissionHandler, 'review'>;
  /** Told of every review that was answered; `durationMs` from the request's arrival. */
  onReviewed: (review: {
    resource: string;
    operation: string;
    namespace: string;
    verdict: Verdict;
    durationMs: number;
  }) => void;
  /** Told of every body that was no review. */
  onUnreadable: (message: string) => void;
}

/** The HTTPS server that the API server sends AdmissionReviews to. */
export class WebhookServer {
  readonly #options: WebhookServerOptions;
  #server: FastifyInstance | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #underWay = new Set<Promise<unknown>>();
  #isDraining = false;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
  }

  get isListening(): boolean {
    return this.#server?.server.listening ?? false;
  }

  /** Listens with `certificate` and, on the live connections' server, with every one that comes after it. */
  async start(certificate: ServingCertificate, source: Pick<CertificateSource, 'onChange'>): Promise<string> {
    const { onUnreadable } = this.#options;
    const https = { ...secureContext(certificate), minVersion: 'TLSv1.2' as const };
    const server = fastify({
      https,
      bodyLimit: BODY_LIMIT_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: REQUEST_MS,
      forceCloseConnections: 'idle',
    }) as unknown as FastifyInstance;
    // Plain JSON.parse in the parser of the review: a label may be called `__proto__`.
    server.removeAllContentTypeParsers();
    server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
      done(null, body);
    });
    server.setErrorHandler((error: Error, _request, reply) => {
      onUnreadable(error.message);
      return reply.code(400).send({ error: error.message });
    });
    server.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.addHook('onRequest', (_request, reply, done) => {
      const answered = once(reply.raw, 'close');
      this.#underWay.add(answered);
      void answered.finally(() => this.#underWay.delete(answered));
      done();
    });
    server.post(MUTATE_PATH, (request, reply) => this.#answer(request, reply));
    source.onChange((renewed) => {
      (server.server as unknown as { setSecureContext(context: object): void }).setSecureContext(
        secureContext(renewed),
      );
    });
    this.#server = server;
    return listenOn(server, this.#options.listen);
  }

  /** Still answers, and asks whoever is answered to come back on another connection: to another replica. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Refuses new connections, answers what is under way, and closes. */
  async stop(): Promise<void> {
    const closed = this.#server?.close();
    await Promise.allSettled(this.#underWay);
    // A connection on which nothing was ever sent is not idle in Node's eyes, and would be waited for without end.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<string> {
    const { handler, onReviewed, onUnreadable } = this.#options;
    const startedAt = performance.now();
    void reply.type('application/json');
    if (this.#isDraining) void reply.header('connection', 'close');
    try {
      const review = parseAdmissionReview(request.body as string);
      const { timeout } = request.query as { timeout?: unknown };
      const verdict = await handler.review(review, typeof timeout === 'string' ? timeout : undefined);
      const { resource, operation, namespace } = review;
      onReviewed({ resource, operation, namespace, verdict, durationMs: performance.now() - startedAt });
      return formatAdmissionReview(review.uid, verdict.outcome);
    } catch (error) {
      if (!(error instanceof UnreadableReviewError)) throw error;
      onUnreadable(error.message);
      // Whoever gave a uid gets an answer to it: what cannot be understood is let through.
      if (error.uid) return formatAdmissionReview(error.uid, { allowed: true, warnings: [error.message] });
      void reply.code(400);
      return JSON.stringify({ error: error.message });
    }
  }
}

function secureContext({ cert, key }: ServingCertificate): { cert: string; key: string } {
  return { cert, key };
}
