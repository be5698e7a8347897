import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { childOptions, tellReady } from '../child.ts';

/** Fastify with TLS and nothing else: parses what it is sent, and answers a constant. */
const { tlsDir, answer } = childOptions() as { tlsDir: string; answer: string };
const read = (name: string) => readFile(join(tlsDir, name));
const server = fastify({
  https: { cert: await read('tls.crt'), key: await read('tls.key'), minVersion: 'TLSv1.2' },
  keepAliveTimeout: 120_000,
});
server.post('/mutate', (_request, reply) => reply.type('application/json').send(answer));
await server.listen({ host: '127.0.0.1', port: 0 });
tellReady({ port: (server.server.address() as AddressInfo).port });
