import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { childOptions, tellReady } from '../child.ts';

/** Node's own HTTPS server and nothing else: parses what it is sent, and answers a constant. */
const { tlsDir, answer } = childOptions() as { tlsDir: string; answer: string };
const read = (name: string) => readFile(join(tlsDir, name));
const tls = { cert: await read('tls.crt'), key: await read('tls.key'), minVersion: 'TLSv1.2' as const };
const server = createServer({ ...tls, keepAliveTimeout: 120_000 }, (request, response) => {
  void json(request).then(() => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => tellReady({ port: (server.address() as AddressInfo).port }));
