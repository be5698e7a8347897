import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServerCertificate } from './certificate.ts';

/** A port on loopback that can be closed and opened again. */
export class HttpsListener {
  readonly #server: Server;
  #port: number;

  constructor(certificate: ServerCertificate, port: number, handle: RequestListener) {
    this.#server = createServer({ ...certificate, keepAliveTimeout: 120_000, requestTimeout: 0 }, handle);
    this.#port = port;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Closes the port and cuts every connection. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
