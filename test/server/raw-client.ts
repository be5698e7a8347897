import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

/** A client that sends what it is told, byte by byte, and keeps what it is sent. */
export class RawClient {
  readonly socket: TLSSocket;
  #received = '';

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('data', (chunk: string) => (this.#received += chunk));
    socket.on('error', () => undefined);
  }

  static async open(url: string, ALPNProtocols?: string[]): Promise<RawClient> {
    const { port } = new URL(url);
    const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false, ALPNProtocols });
    await once(socket, 'secureConnect');
    return new RawClient(socket);
  }

  send(...pieces: (string | Uint8Array)[]): void {
    for (const piece of pieces) this.socket.write(piece);
  }

  get received(): string {
    return this.#received;
  }

  /** Resolves when so many answers are there, or the other side closed, to their status codes. */
  async answers(count: number): Promise<number[]> {
    const statuses = () => [...this.#received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
    while (statuses().length < count && !this.socket.closed) await this.#change();
    return statuses();
  }

  /** Resolves when the other side has closed, to the status codes of its answers. */
  closed(): Promise<number[]> {
    return this.answers(Infinity);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const told = () => {
        this.socket.off('data', told).off('close', told);
        resolve();
      };
      this.socket.on('data', told).on('close', told);
    });
  }
}

/** A POST of an AdmissionReview, as text. */
export function post(body: string, { version = '1.1', headers = '', path = '/mutate?timeout=10s' } = {}): string {
  const length = Buffer.byteLength(body);
  const head = `POST ${path} HTTP/${version}\r\nHost: webhook\r\nContent-Type: application/json\r\n`;
  return `${head}Content-Length: ${length}\r\n${headers}\r\n${body}`;
}
