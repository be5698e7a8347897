import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { AnswerReader } from './http-answer.ts';

/** As many as `admission-load` has. More are never waited for at once, unless the server stands still for a large part of a second. */
const CONNECTIONS = 32;

/**
 * Sends so many requests a second, whether the ones before are answered or not, on connections that are open beforehand and stay
 * so, until `signal` fires. Resolves to how long each answer took from when its request was due, in milliseconds: a server that
 * makes requests wait for one another hides nothing.
 */
export async function paceRequests(
  port: number,
  { request, perSecond, signal }: { request: Buffer; perSecond: number; signal: AbortSignal },
): Promise<number[]> {
  const latenciesMs: number[] = [];
  const all = await Promise.all(Array.from({ length: CONNECTIONS }, () => Connection.open(port)));
  const free = [...all];
  const underWay = new Set<Promise<void>>();
  const startedAt = performance.now();
  for (let sent = 0; !signal.aborted; sent += 1) {
    const dueAt = startedAt + (sent * 1000) / perSecond;
    await sleep(Math.max(0, dueAt - performance.now()));
    if (free.length === 0) await Promise.race(underWay);
    const connection = free.pop();
    if (connection === undefined) throw new Error('an answer came, and no connection with it');
    const answer = connection.ask(request).then(() => {
      latenciesMs.push(performance.now() - dueAt);
      free.push(connection);
    });
    underWay.add(answer);
    void answer.finally(() => underWay.delete(answer)).catch(() => undefined);
  }
  await Promise.all(underWay);
  for (const connection of all) connection.close();
  return latenciesMs;
}

/** A connection that carries one request at a time. */
class Connection {
  readonly #socket: TLSSocket;
  readonly #reader = new AnswerReader();
  #answered = Promise.withResolvers<string>();

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (piece: Buffer) => {
      const body = this.#reader.take(piece);
      if (body !== undefined) this.#answered.resolve(body);
    });
    socket.on('close', () => this.#answered.reject(new Error('the server closed the connection')));
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }).setNoDelay();
    await once(socket, 'secureConnect');
    return new Connection(socket);
  }

  ask(request: Buffer): Promise<string> {
    this.#answered = Promise.withResolvers<string>();
    this.#socket.write(request);
    return this.#answered.promise;
  }

  close(): void {
    this.#answered.promise.catch(() => undefined);
    this.#socket.destroy();
  }
}
