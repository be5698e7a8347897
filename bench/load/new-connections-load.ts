import { connect, createSecureContext } from 'node:tls';
import { AnswerReader } from './http-answer.ts';

/** One for all connections, as making it costs more than a handshake. */
const secureContext = createSecureContext();

/**
 * So many clients, each of which opens a connection, sends one request, reads the answer and opens the next connection; no
 * session is resumed. Resolves to the answers per second.
 */
export async function loadNewConnections(
  port: number,
  { request, clients, durationMs }: { request: Buffer; clients: number; durationMs: number },
): Promise<number> {
  const startedAt = performance.now();
  let answers = 0;
  const client = async () => {
    while (performance.now() - startedAt < durationMs) {
      await ask(port, request);
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answers / ((performance.now() - startedAt) / 1000);
}

/** Resolves to the answer to one request on a connection of its own. */
export function ask(port: number, request: Buffer): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const reader = new AnswerReader();
  const socket = connect({ host: '127.0.0.1', port, secureContext, rejectUnauthorized: false }).setNoDelay();
  socket.once('secureConnect', () => socket.write(request));
  socket.on('data', (piece: Buffer) => {
    try {
      const body = reader.take(piece);
      if (body !== undefined) resolve(body);
    } catch (error) {
      reject(error);
    }
  });
  socket.once('error', reject);
  socket.once('close', () => reject(new Error('the server closed the connection without an answer')));
  return promise.finally(() => socket.destroy());
}
