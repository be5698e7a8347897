import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../src/clock.ts';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import { SelfManagedCertificates } from '../../src/certificates/self-managed-certificates.ts';
import { nobodyVerifies } from './known-trust.ts';
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
    trust: nobodyVerifies,
    loopGuard: new LoopGuard({ clock, onFight: () => undefined }),
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
async function handshake(ca: string, session?: Buffer): Promise<TLSSocket> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, ca, servername: NAME, session });
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

  it('resumes no session of before the swap, but makes a full handshake with the renewed certificate', async () => {
    const { caBundle } = source.current()!;
    const socket = await handshake(caBundle);
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    const resumed = await handshake(caBundle, session);
    expect(resumed.isSessionReused()).toBe(true);
    resumed.destroy();
    const before = await peerOf(caBundle);
    behindMs = 0;
    await source.refresh(signal);
    const after = await handshake(caBundle, session);
    expect(after.isSessionReused()).toBe(false);
    expect(after.getPeerCertificate().serialNumber).not.toBe(before.serialNumber);
    after.destroy();
  });

  it('is accepted with the new bundle before and after a change of CA, and with the old one only before', async () => {
    behindMs = 790 * HOUR_MS;
    const shortLived = managed({ caLifetimeMs: 1_000 * HOUR_MS });
    await shortLived.refresh(signal);
    const { caBundle: oldBundle } = shortLived.current()!;
    behindMs = 120 * HOUR_MS;
    await shortLived.refresh(signal);
    const { caBundle: bothCas } = shortLived.current()!;
    await expect(peerOf(bothCas)).resolves.toBeDefined();
    await expect(peerOf(oldBundle)).resolves.toBeDefined();
    behindMs = 0;
    await shortLived.refresh(signal);
    expect(shortLived.current()!.caBundle).toBe(bothCas);
    await expect(peerOf(bothCas)).resolves.toBeDefined();
    await expect(peerOf(oldBundle)).rejects.toThrow();
  });
});
