import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../src/clock.ts';
import { SelfManagedCertificates } from '../../src/certificates/self-managed-certificates.ts';
import { MemoryCaStore } from './memory-ca-store.ts';

const HOUR_MS = 3_600_000;
const NAME = 'injector.acr.svc';
const { signal } = new AbortController();

// OpenSSL goes by the real time. So certificates are made in the past, and time is then let catch up.
let behindMs: number;
const clock: Clock = { ...systemClock, now: () => Date.now() - behindMs };

let source: SelfManagedCertificates;
let server: https.Server;

function managed({ caLifetimeMs }: { caLifetimeMs: number }): SelfManagedCertificates {
  const managed = new SelfManagedCertificates({
    store: new MemoryCaStore(),
    clock,
    namespace: 'acr',
    names: [NAME],
    caLifetimeMs,
    certificateLifetimeMs: 900 * HOUR_MS,
    leads: () => true,
    report: () => undefined,
  });
  managed.onChange((certificate) => {
    server.setSecureContext(certificate);
  });
  return managed;
}

beforeEach(async () => {
  behindMs = 700 * HOUR_MS;
  source = managed({ caLifetimeMs: 1_500 * HOUR_MS });
  await source.refresh(signal);
  server = https.createServer({ ...source.current()! }, (_request, response) => response.end('ok'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Connects as the API server does: name and chain are verified with nothing but the bundle. */
async function handshake(ca: string): Promise<TLSSocket> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, ca, servername: NAME });
  await once(socket, 'secureConnect');
  return socket;
}

async function peerOf(ca: string): Promise<PeerCertificate> {
  const socket = await handshake(ca);
  const peer = socket.getPeerCertificate();
  socket.destroy();
  return peer;
}

async function statusLine(socket: TLSSocket): Promise<string | undefined> {
  socket.write(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString().split('\r\n')[0];
}

describe('a live HTTPS server', () => {
  it('takes the renewed certificate at once, for clients that verify with the same bundle', async () => {
    const { caBundle } = source.current()!;
    const before = await peerOf(caBundle);
    behindMs = 0;
    await source.refresh(signal);
    expect(source.current()?.caBundle).toBe(caBundle);
    const after = await peerOf(caBundle);
    expect(after.serialNumber).not.toBe(before.serialNumber);
  });

  it('keeps the connections that were open before the swap', async () => {
    const { caBundle } = source.current()!;
    const socket = await handshake(caBundle);
    expect(await statusLine(socket)).toBe('HTTP/1.1 200 OK');
    behindMs = 0;
    await source.refresh(signal);
    expect(await statusLine(socket)).toBe('HTTP/1.1 200 OK');
    socket.destroy();
  });

  it('is accepted with the new bundle before and after a change of CA, and with the old one only before', async () => {
    const shortLived = managed({ caLifetimeMs: 1_000 * HOUR_MS });
    await shortLived.refresh(signal);
    const old = shortLived.current()!;
    behindMs = 0;
    await shortLived.refresh(signal);
    const renewed = shortLived.current()!;
    await expect(peerOf(renewed.caBundle)).resolves.toBeDefined();
    await expect(peerOf(old.caBundle)).rejects.toThrow();
    server.setSecureContext(old);
    await expect(peerOf(renewed.caBundle)).resolves.toBeDefined();
    await expect(peerOf(old.caBundle)).resolves.toBeDefined();
  });
});
