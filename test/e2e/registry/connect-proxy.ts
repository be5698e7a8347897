import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** An HTTP proxy on loopback that tunnels to ports of this machine what is meant for real hosts, and nothing else anywhere. */
export class ConnectProxy implements AsyncDisposable {
  readonly #ports: ReadonlyMap<string, number>;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((_, response) => response.writeHead(405).end());

  private constructor(ports: ReadonlyMap<string, number>) {
    this.#ports = ports;
    this.#server.on('connect', ({ url = '' }, socket: Socket) => this.#tunnel(url, socket));
  }

  /**
   * @param ports the port of this machine that stands for each host's port 443.
   * @param port to listen on; 0: a free one.
   */
  static async start(ports: ReadonlyMap<string, number>, port = 0): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(ports);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** For `HTTPS_PROXY`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #tunnel(target: string, socket: Socket): void {
    const port = this.#ports.get(target.replace(/:443$/, ''));
    if (port === undefined) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 Connection Established\r\n\r\n'));
    this.#join(socket, upstream);
    this.#join(upstream, socket);
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.once('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on('error', () => from.destroy()).pipe(to);
  }
}
