import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';

export interface ReceivedRequest {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: IncomingMessage['headers'];
  body: unknown;
}

/** A server that stands where the API server would, and answers as a test says. */
export class HttpApi implements AsyncDisposable {
  readonly requests: ReceivedRequest[] = [];
  /** How many connections there have been. */
  connections = 0;
  answer: (response: ServerResponse, request: ReceivedRequest) => void = (response) => sendJson(response, 200, {});
  readonly #server = createServer((request, response) => void this.#receive(request, response));

  static async start(): Promise<HttpApi> {
    const api = new HttpApi();
    api.#server.on('connection', () => api.connections++);
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @param user of a kubeconfig. */
  connection(clock: Clock, user: object = { token: 'the-token' }, server = `${this.url}/`): KubeConnection {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(
      JSON.stringify({
        // client-node speaks plain HTTP to a server only where nothing is to be verified.
        clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'test', user }],
        contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
        'current-context': 'test',
      }),
    );
    return new KubeConnection(kubeConfig, clock);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    const body = await text(request);
    const received = {
      method: request.method ?? '',
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: request.headers,
      body: body === '' ? undefined : (JSON.parse(body) as unknown),
    };
    this.requests.push(received);
    this.answer(response, received);
  }
}

export function sendJson(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
