import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { AnswerReader } from './http-answer.ts';

export interface LoadResult {
  answersPerSecond: number;
  /** Of each answer, in milliseconds. */
  latenciesMs: number[];
}

/**
 * Connections that stay open, each of which sends the next request when the last one is answered. Sends whole requests that
 * were made beforehand: a client that did more would be slower than the servers that it is to load.
 */
export class KeepAliveLoad implements Disposable {
  readonly #sockets: readonly TLSSocket[];

  private constructor(sockets: readonly TLSSocket[]) {
    this.#sockets = sockets;
  }

  static async open(port: number, connections: number): Promise<KeepAliveLoad> {
    const sockets = Array.from({ length: connections }, () =>
      connect({ host: '127.0.0.1', port, rejectUnauthorized: false }).setNoDelay(),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'secureConnect')));
    return new KeepAliveLoad(sockets);
  }

  /** Loads the server for that long; what is under way in the end is waited for, and counts. */
  async run(request: Buffer, durationMs: number): Promise<LoadResult> {
    const startedAt = performance.now();
    const latenciesMs: number[] = [];
    using during = new DisposableStack();
    during.defer(stayAwake());
    await Promise.all(this.#sockets.map((socket) => send(socket, request, { startedAt, durationMs, latenciesMs })));
    const elapsedSeconds = (performance.now() - startedAt) / 1000;
    return { answersPerSecond: latenciesMs.length / elapsedSeconds, latenciesMs };
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/**
 * Keeps this process from sleeping between two answers. To wake it would be the server's work, within the system call that sends the
 * answer: the slower of two servers would pay for that more often, which made 5 µs of its own time look like 9.
 */
function stayAwake(): () => void {
  let isOver = false;
  const again = () => {
    if (!isOver) setImmediate(again);
  };
  again();
  return () => {
    isOver = true;
  };
}

function send(
  socket: TLSSocket,
  request: Buffer,
  { startedAt, durationMs, latenciesMs }: { startedAt: number; durationMs: number; latenciesMs: number[] },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const reader = new AnswerReader();
  let sentAt = performance.now();
  const onData = (piece: Buffer) => {
    try {
      if (reader.take(piece) === undefined) return;
    } catch (error) {
      reject(error);
      return;
    }
    const now = performance.now();
    latenciesMs.push(now - sentAt);
    if (now - startedAt >= durationMs) {
      resolve(undefined);
      return;
    }
    sentAt = now;
    socket.write(request);
  };
  const onClose = () => reject(new Error('the server closed the connection'));
  socket.on('data', onData).once('close', onClose);
  if (socket.destroyed) onClose();
  socket.write(request);
  return promise.finally(() => socket.off('data', onData).off('close', onClose));
}
