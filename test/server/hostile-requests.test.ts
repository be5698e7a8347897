import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdmissionHandler } from '../../src/admission/admission-handler.ts';
import { systemClock } from '../../src/clock.ts';
import { CONNECTION_LIMITS, WebhookServer, type ConnectionLimits } from '../../src/server/webhook-server.ts';
import { managedImage, viewWith } from '../builders/admission.ts';
import { selfSignedCertificate } from '../sandbox/api-server/certificate.ts';
import { post, RawClient } from './raw-client.ts';

interface Review {
  apiVersion: string;
  request: { uid: string; object: { metadata: Record<string, unknown>; spec?: Record<string, unknown> } };
}
interface Answer {
  error?: string;
  response?: { uid: string; allowed: boolean; warnings?: string[]; patch?: string };
}

const captured = (name: string) =>
  readFileSync(new URL(`../fixtures/admission-reviews/${name}.json`, import.meta.url), 'utf8');
const body = captured('serviceaccount-create-by-helm');
const podBody = captured('pod-create-by-replicaset');
const { uid } = (JSON.parse(body) as Review).request;
const LIMIT = 7 * 1024 * 1024;

const agent = new Agent({ connect: { rejectUnauthorized: false } });
const { cert, key } = selfSignedCertificate(['webhook.local']);
let started: Awaited<ReturnType<typeof startServer>>;
let url: string;

beforeAll(async () => {
  started = await startServer();
  url = started.url;
});
afterAll(async () => {
  await agent.destroy();
  await started[Symbol.asyncDispose]();
});

async function startServer(limits: Partial<ConnectionLimits> = {}) {
  const server = new WebhookServer({
    listen: { host: '127.0.0.1', port: 0 },
    limits,
    handler: new AdmissionHandler({
      clock: systemClock,
      viewOf: () => viewWith(),
      ensureSecret: () => Promise.resolve('Written'),
    }),
    onReviewed: () => undefined,
    onUnreadable: () => undefined,
  });
  const certificate = { cert, key, caBundle: cert, expiresAt: Infinity, caExpiresAt: Infinity };
  const address = await server.start(certificate, { onChange: () => () => undefined });
  return { url: address, [Symbol.asyncDispose]: () => server.stop() };
}

async function send(bytes: string | Uint8Array, headers: Record<string, string> = {}) {
  const response = await request(`${url}/mutate?timeout=10s`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json', ...headers },
    body: bytes,
  });
  const answer = JSON.parse(await response.body.text()) as Answer;
  return { status: response.statusCode, error: answer.error, ...answer.response };
}

/** The review of the helm ServiceAccount with something else in it, as text. */
const reviewWith = (text: string) => body.replace('"metadata":{', `"metadata":{${text},`);
/** The review, so many bytes long. */
function ofLength(length: number): string {
  const empty = reviewWith('"annotations":{"large":""}');
  return empty.replace('"large":""', `"large":"${'x'.repeat(length - Buffer.byteLength(empty))}"`);
}

describe('a review with a uid is answered by it', () => {
  it.each<[string, () => string | Uint8Array]>([
    ['of exactly 7 MiB', () => ofLength(LIMIT)],
    ['nested 100,000 levels deep', () => reviewWith(`"x":${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
    ['nested a million objects deep', () => reviewWith(`"x":${'{"a":'.repeat(1_000_000)}1${'}'.repeat(1_000_000)}`)],
    ['with keys of the prototype', () => reviewWith('"__proto__":{"name":"x"},"constructor":{"prototype":1}')],
    ['with numbers beyond all measure', () => reviewWith(`"x":[1e999,-1e999,${'9'.repeat(100_000)}]`)],
    ['with duplicate keys', () => reviewWith('"name":"a","name":"b"')],
    ['with halves of characters', () => reviewWith('"x":"\\ud800"')],
    ['with bytes that are no UTF-8', () => Buffer.from(reviewWith('"x":"\u00ff\u00fe"'), 'latin1')],
    ['with characters of four bytes', () => reviewWith('"x":"🐳"')],
    ['whose metadata is not what it should be', () => reviewWith('"labels":[1],"annotations":"x","managedFields":7')],
    ['for nothing but its uid', () => JSON.stringify({ request: { uid } })],
    ['of a version of another time', () => body.replace('admission.k8s.io/v1"', 'admission.k8s.io/v7"')],
    ['of a kind that nobody asked for', () => body.replaceAll('serviceaccounts', 'flunders')],
  ])('%s', async (_, text) => {
    expect(await send(text())).toMatchObject({ status: 200, uid, allowed: true });
  });

  it('though a header says that its body is something else than it is', async () => {
    expect(await send(body, { 'content-encoding': 'gzip' })).toMatchObject({ status: 200, uid });
    expect(await send(body, { 'content-type': 'application/json; charset=utf-8' })).toMatchObject({ status: 200, uid });
  });

  it('of 10,000 containers within a tenth of the time that is granted', async () => {
    const review = JSON.parse(podBody) as Review;
    const containers = (image: (index: number) => string) =>
      Array.from({ length: 10_000 }, (__, index) => ({ name: `c${index}`, image: image(index) }));
    review.request.object.spec = {
      containers: containers((index) => `registry-${index}.example.com/team/app:${index}`),
    };
    const startedAt = performance.now();
    expect((await send(JSON.stringify(review))).patch).toBeUndefined();
    review.request.object.spec = { containers: containers((index) => (index < 9_999 ? 'nginx' : managedImage)) };
    expect((await send(JSON.stringify(review))).patch).toBeDefined();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe('what has no uid to be read is a 400 with a reason', () => {
  it.each<[string, string | Uint8Array, Record<string, string>, RegExp]>([
    ['nothing', '', {}, /no AdmissionReview/],
    ['half a review', body.slice(0, -20), {}, /no AdmissionReview/],
    ['two reviews', body + body, {}, /no AdmissionReview/],
    ['nesting without an end', '['.repeat(1_000_000), {}, /no AdmissionReview/],
    ['nesting and nothing else', '['.repeat(100_000) + ']'.repeat(100_000), {}, /uid/],
    ['a uid of the prototype', '{"__proto__":{"request":{"uid":"x"}}}', {}, /uid/],
    ['a number beyond all measure', '1e999', {}, /uid/],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00]), {}, /no AdmissionReview/],
    ['a compressed review', gzipSync(body), { 'content-encoding': 'gzip' }, /Content-Encoding/],
    ['a review that is compressed and does not say so', gzipSync(body), {}, /no AdmissionReview/],
    ['a review of another content type', body, { 'content-type': 'text/plain' }, /Media Type/],
    ['a byte more than 7 MiB', ofLength(LIMIT + 1), {}, /too large/],
  ])('%s', async (_, bytes, headers, reason) => {
    const { status, error } = await send(bytes, headers);
    expect(status).toBe(400);
    expect(error).toMatch(reason);
  });

  it.each<[string, string]>([
    ['a body that ends too soon', post(body).slice(0, -20)],
    ['no HTTP', 'hello\r\n\r\n'],
    ['two lengths', post(body, { headers: 'Content-Length: 5\r\n' })],
    ['a length and chunks', post(body, { headers: 'Transfer-Encoding: chunked\r\n' })],
    ['a length below nothing', 'POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n'],
    ['a chunk that is none', 'POST /mutate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['no host', post(body).replace('Host: webhook\r\n', '')],
    ['a path that cannot be read', post(body, { path: '/mutate%' })],
  ])('%s', async (_, bytes) => {
    const client = await RawClient.open(url);
    client.send(bytes);
    client.socket.end();
    expect(await client.closed()).toEqual([400]);
  });

  it('headers without end, which HTTP has a code of its own for', async () => {
    const client = await RawClient.open(url);
    client.send(post(body, { headers: `X-Long: ${'x'.repeat(100_000)}\r\n` }));
    expect(await client.closed()).toEqual([431]);
  });
});

describe('of many bodies at once', () => {
  const MIB = 1024 * 1024;
  const head = 'POST /mutate HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\n';
  const refused = /HTTP\/1\.1 503 [\s\S]*connection: close[\s\S]*"error":"too many bytes/i;

  it.each([
    ['whose length is announced', 'Content-Length: 7000000\r\n\r\n', 'x'.repeat(MIB)],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n', `100000\r\n${'x'.repeat(MIB)}\r\n`],
  ])(
    '%s, the one that began first makes room, with a reason, and whoever is quick is answered',
    async (_, length, mib) => {
      await using small = await startServer({ heldBytes: 4.5 * MIB });
      const clients: RawClient[] = [];
      for (let index = 0; index < 5; index++) {
        const client = await RawClient.open(small.url);
        client.send(`${head}${length}`, mib);
        clients.push(client);
        await sleep(50);
      }
      expect(await clients[0]?.closed()).toEqual([503]);
      expect(clients[0]?.received).toMatch(refused);
      const quick = await RawClient.open(small.url);
      quick.send(post(body));
      expect(await quick.answers(1)).toEqual([200]);
      expect(clients.slice(1).map(({ received }) => received)).toEqual(['', '', '', '']);
      for (const { socket } of [...clients, quick]) socket.destroy();
    },
  );

  it('nothing is left of those that were answered, refused or broken off', async () => {
    await using small = await startServer({ heldBytes: 3 * MIB });
    const large = reviewWith(`"annotations":{"large":"${'x'.repeat(2 * MIB)}"}`);
    for (let index = 0; index < 5; index++) {
      const broken = await RawClient.open(small.url);
      broken.send(`${head}Content-Length: 7000000\r\n\r\n`, 'x'.repeat(2 * MIB));
      await sleep(20);
      broken.socket.destroy();
      const client = await RawClient.open(small.url);
      client.send(post(large));
      expect(await client.answers(1)).toEqual([200]);
      client.socket.destroy();
    }
  });

  it('a body of many small pieces counts as what it costs', async () => {
    await using small = await startServer({ heldBytes: MIB });
    const client = await RawClient.open(small.url);
    client.send(`${head}Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(10_000)}`);
    expect(await client.closed()).toEqual([503]);
  });

  it('no more connections are taken than there is room for', async () => {
    await using small = await startServer({ connections: 2 });
    const [first, second] = [await RawClient.open(small.url), await RawClient.open(small.url)];
    await expect(RawClient.open(small.url)).rejects.toThrow();
    first.send(post(body));
    expect(await first.answers(1)).toEqual([200]);
    first.socket.destroy();
    second.socket.destroy();
    await expect
      .poll(() => RawClient.open(small.url).then(({ socket }) => socket.destroy(), String))
      .toBeTypeOf('object');
  });
});

describe('a connection', () => {
  it('speaks HTTP/1.1 and stays, whatever else the client offers', async () => {
    const client = await RawClient.open(url, ['h2', 'http/1.1']);
    expect(client.socket.alpnProtocol).toBe('http/1.1');
    client.send(post(body));
    await client.answers(1);
    client.send(post(body));
    expect(await client.answers(2)).toEqual([200, 200]);
    client.socket.destroy();
  });

  it('on which a review is no review is kept for the next', async () => {
    const client = await RawClient.open(url);
    client.send(post('no'));
    await client.answers(1);
    client.send(post(body));
    expect(await client.answers(2)).toEqual([400, 200]);
    client.socket.destroy();
  });

  it('with many requests sent at once is answered in their order', async () => {
    const client = await RawClient.open(url);
    const uids = Array.from({ length: 50 }, (_, index) => `uid-${index}`);
    client.send(uids.map((each) => post(body.replace(uid, each))).join(''));
    await client.answers(50);
    expect([...client.received.matchAll(/"uid":"(uid-\d+)"/g)].map(([, each]) => each)).toEqual(uids);
    client.socket.destroy();
  });

  it('of HTTP/1.0 is answered and closed', async () => {
    const client = await RawClient.open(url);
    client.send(post(body, { version: '1.0' }));
    expect(await client.closed()).toEqual([200]);
  });

  it('on which a review comes slowly, but within its time, is answered', async () => {
    const client = await RawClient.open(url);
    const bytes = Buffer.from(post(body));
    const step = Math.ceil(bytes.length / 20);
    for (let at = 0; at < bytes.length; at += step) {
      client.send(bytes.subarray(at, at + step));
      await sleep(100);
    }
    expect(await client.answers(1)).toEqual([200]);
    client.socket.destroy();
  });

  it('that rests between two reviews is kept, however long a head or a request may take', async () => {
    await using strict = await startServer({ headMs: 300, requestMs: 600, checkMs: 50 });
    const client = await RawClient.open(strict.url);
    client.send(post(body));
    await client.answers(1);
    await sleep(1_500);
    client.send(post(body));
    expect(await client.answers(2)).toEqual([200, 200]);
    client.socket.destroy();
  });

  it('on which nothing was sent yet outlasts the time that API servers keep one which they dialled ahead', () => {
    // Go's http.Transport does not repeat a request on a connection that was never used (its isReused).
    const idleConnTimeoutMs = 90_000;
    const { headMs, requestMs } = CONNECTION_LIMITS;
    expect(Math.min(headMs, requestMs)).toBeGreaterThan(idleConnTimeoutMs);
  });

  it('that breaks off in the middle of a body leaves the others alone', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(url)));
    for (const client of clients) {
      client.send(post(body).slice(0, -10));
      client.socket.destroy();
    }
    expect(await send(body)).toMatchObject({ status: 200, uid });
  });

  it.each<[string, (client: RawClient) => void]>([
    ['nothing', () => undefined],
    ['a head without an end', (client) => client.send('POST /mutate HTTP/1.1\r\n')],
    ['a body without an end', (client) => client.send(post(body).slice(0, -10))],
  ])('on which a client sends %s is cut off when its time is over', async (_, begin) => {
    await using strict = await startServer({ headMs: 300, requestMs: 600, checkMs: 50 });
    const client = await RawClient.open(strict.url);
    begin(client);
    expect(await client.closed()).toEqual([408]);
  });
});
