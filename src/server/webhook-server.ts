import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { fastify, type FastifyInstance, type FastifyServerFactoryHandler } from 'fastify';
import type { CertificateSource, ServingCertificate } from '../certificates/certificate-source.ts';
import { CodedError } from '../errors.ts';
import { MUTATE_PATH } from '../webhook/webhook-configuration.ts';
import { BodyReader, type BodyLimits } from './body-reader.ts';
import { listenOn, type ListenAddress } from './listen-address.ts';
import { ReviewRoute, TimedMessage, type ReviewRouteOptions, type TimedRequest } from './review-route.ts';

/** Longer than the API server keeps an idle connection (90 s), so that it is never this side that closes one in use. */
const KEEP_ALIVE_MS = 120_000;

/** A few packets. */
const HANDSHAKE_MS = 10_000;

/** The longest that Kubernetes lets a webhook take. */
const ANSWER_MS = 30_000;

/** What keeps clients from taking all of the service's time and memory, those that never finish what they begin above all. */
export interface ConnectionLimits extends BodyLimits {
  /** For a request's head. */
  headMs: number;
  /** For a whole request. */
  requestMs: number;
  /** How often connections are looked at. */
  checkMs: number;
  /** How many there may be. */
  connections: number;
}

const MIB = 1024 * 1024;
export const CONNECTION_LIMITS: Readonly<ConnectionLimits> = {
  // Node counts from the start of a connection where nothing was sent yet. An API server dials ahead, keeps what it did not need, and does not
  // repeat the request for which such a connection is cut off.
  headMs: KEEP_ALIVE_MS,
  requestMs: KEEP_ALIVE_MS,
  checkMs: 1_000,
  connections: 1_000,
  // An object and its old self of up to 1.5 MiB each in etcd, as JSON about twice that, and an envelope.
  bodyBytes: 7 * MIB,
  heldBytes: 64 * MIB,
};

export interface WebhookServerOptions extends ReviewRouteOptions {
  listen: ListenAddress;
  limits?: Partial<ConnectionLimits>;
}

/** The HTTPS server that the API server sends AdmissionReviews to. */
export class WebhookServer {
  readonly #options: WebhookServerOptions;
  readonly #limits: ConnectionLimits;
  readonly #bodies: BodyReader;
  readonly #route: ReviewRoute;
  #server: FastifyInstance<Server, TimedMessage> | undefined;
  #started: Promise<string> | undefined;
  readonly #sockets = new Set<Socket>();
  /** How many requests are not answered yet. A Set of them would keep them from the young generation's garbage collection. */
  #underWay = 0;
  #onAnswered: (() => void) | undefined;
  #isDraining = false;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
    this.#limits = { ...CONNECTION_LIMITS, ...options.limits };
    this.#bodies = new BodyReader(this.#limits);
    this.#route = new ReviewRoute(options);
  }

  get isListening(): boolean {
    return this.#server?.server.listening ?? false;
  }

  /** Listens with `certificate` and, on the live connections' server, with every one that comes after it. */
  async start(certificate: ServingCertificate, source: Pick<CertificateSource, 'onChange'>): Promise<string> {
    const { onUnreadable } = this.#options;
    const { headMs, requestMs, checkMs, connections } = this.#limits;
    // HTTP/1.1 alone, as the API server wants it of webhooks: its requests spread over the replicas.
    const https = {
      ...secureContext(certificate),
      IncomingMessage: TimedMessage,
      minVersion: 'TLSv1.2' as const,
      handshakeTimeout: Math.min(headMs, HANDSHAKE_MS),
      // Node takes none that is longer than a request's.
      headersTimeout: Math.min(headMs, requestMs),
      requestTimeout: requestMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: checkMs,
    };
    const server = fastify<Server, TimedMessage>({
      https,
      serverFactory: (handler) => createServer(https, this.#counted(handler)),
      forceCloseConnections: 'idle',
      // A replica that ends is no reason to keep a Pod from its credential.
      return503OnClosing: false,
    });
    server.server.maxConnections = connections;
    // Plain JSON.parse in the parser of the review: a label may be called `__proto__`.
    server.removeAllContentTypeParsers();
    server.addContentTypeParser('application/json', (request: TimedRequest) => this.#bodies.read(request.raw));
    server.setErrorHandler((error: Error, _request, reply) => {
      onUnreadable(error.message);
      const isOverloaded = error instanceof CodedError && error.retryable;
      return reply.code(isOverloaded ? 503 : 400).send({ error: error.message });
    });
    server.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.post(MUTATE_PATH, (request, reply) => {
      if (this.#isDraining) void reply.header('connection', 'close');
      return this.#route.answer(request, reply);
    });
    server.setNotFoundHandler((request, reply) => {
      const isMethod = request.url.split('?', 1)[0] === MUTATE_PATH;
      if (isMethod) void reply.header('allow', 'POST');
      return reply.code(isMethod ? 405 : 404).send({ error: `AdmissionReviews are to be sent to POST ${MUTATE_PATH}` });
    });
    source.onChange((renewed) => {
      server.server.setSecureContext(secureContext(renewed));
    });
    this.#server = server;
    this.#started = listenOn(server, this.#options.listen);
    return this.#started;
  }

  #counted(handler: FastifyServerFactoryHandler<Server, TimedMessage>): typeof handler {
    return (request, response) => {
      this.#underWay += 1;
      // Told of a connection that breaks, too, as of an end like any other.
      response.once('close', () => {
        this.#underWay -= 1;
        this.#bodies.release(request);
        this.#onAnswered?.();
      });
      handler(request, response);
    };
  }

  /** Still answers, and asks whoever is answered to come back on another connection: to another replica. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Refuses new connections, answers what is under way or still comes on the others, and closes. */
  async stop(): Promise<void> {
    // Fastify closes no server that another made and that does not listen yet.
    await this.#started?.catch(() => undefined);
    const closed = this.#server?.close();
    // Node looks for requests that take too long no more once a server closes.
    const tooLong = AbortSignal.timeout(Math.min(this.#limits.requestMs, ANSWER_MS));
    await new Promise<void>((resolve) => {
      this.#onAnswered = () => {
        if (this.#underWay === 0 || tooLong.aborted) resolve();
      };
      tooLong.addEventListener('abort', this.#onAnswered);
      this.#onAnswered();
    });
    // A connection on which nothing was ever sent is not idle in Node's eyes, and would be waited for without end.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function secureContext({ cert, key }: ServingCertificate): { cert: string; key: string } {
  return { cert, key };
}
