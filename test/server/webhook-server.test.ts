import { readFileSync } from 'node:fs';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { once } from 'node:events';
import { connect as connectRaw } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/admission/verdict.ts';
import type { AdmissionRequest } from '../../src/admission/admission-review.ts';
import type { Grant } from '../../src/admission/deadline.ts';
import type { ServingCertificate } from '../../src/certificates/certificate-source.ts';
import { WebhookServer } from '../../src/server/webhook-server.ts';
import { selfSignedCertificate } from '../sandbox/api-server/certificate.ts';
import { post as rawPost, RawClient } from './raw-client.ts';

const body = readFileSync(
  new URL('../fixtures/admission-reviews/serviceaccount-create-by-helm.json', import.meta.url),
  'utf8',
);
const { uid } = (JSON.parse(body) as { request: { uid: string } }).request;
const certificates = [certificateFor('first.local'), certificateFor('second.local')] as const;
const allowed: Verdict = { outcome: { allowed: true }, decision: 'allowed', reason: 'NotATarget' };

function certificateFor(name: string): ServingCertificate {
  const { cert, key } = selfSignedCertificate([name]);
  return { cert, key, caBundle: cert, expiresAt: Infinity, caExpiresAt: Infinity };
}

let reviews: { request: AdmissionRequest; granted: Grant }[];
let reviewed: { resource: string; reason: string; durationMs: number; isOwn: boolean }[];
let unreadable: string[];
let review: (request: AdmissionRequest) => Promise<Verdict>;
let renew: (certificate: ServingCertificate) => void;
let agent: Agent;
let server: WebhookServer;
let url: string;

beforeEach(async () => {
  reviews = [];
  reviewed = [];
  unreadable = [];
  review = () => Promise.resolve(allowed);
  agent = new Agent({ connect: { ca: certificates[0].caBundle } });
  server = new WebhookServer({
    listen: { host: '127.0.0.1', port: 0 },
    handler: {
      review: (each, granted) => {
        reviews.push({ request: each, granted });
        return review(each);
      },
    },
    onReviewed: ({ resource, verdict: { reason }, durationMs, isOwn }) =>
      reviewed.push({ resource, reason, durationMs, isOwn }),
    onUnreadable: (message) => unreadable.push(message),
  });
  const onChange = (listener: typeof renew) => {
    renew = listener;
    return () => undefined;
  };
  url = await server.start(certificates[0], { onChange });
});
afterEach(async () => {
  await agent.destroy();
  await server.stop();
});

async function post(text: string, { query = '?timeout=10s', contentType = 'application/json' } = {}) {
  const response = await request(`${url}/mutate${query}`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': contentType },
    body: text,
  });
  const answer = await response.body.text();
  return {
    status: response.statusCode,
    headers: response.headers,
    answer: JSON.parse(answer) as { response?: object; error?: string },
  };
}

describe('a review', () => {
  it('is answered with its uid, within what it grants', async () => {
    const { status, headers, answer } = await post(body, { query: '?timeout=7s' });
    expect(status).toBe(200);
    expect(headers['content-type']).toContain('application/json');
    expect(answer).toMatchObject({ kind: 'AdmissionReview', response: { uid, allowed: true } });
    expect(reviews).toMatchObject([
      { granted: { timeout: '7s' }, request: { namespace: 'team-a', resource: 'serviceaccounts' } },
    ]);
  });

  it('is told with the time that it took', async () => {
    await post(body);
    expect(reviewed).toEqual([
      { resource: 'serviceaccounts', reason: 'NotATarget', durationMs: expect.any(Number) as number, isOwn: false },
    ]);
    expect(reviewed[0]?.durationMs).toBeGreaterThan(0);
  });

  it('of what the service itself wrote is told as that', async () => {
    const own = JSON.parse(body) as { request: { options: object } };
    Object.assign(own.request.options, { fieldManager: 'acr-credential-injector' });
    await post(JSON.stringify(own));
    expect(reviewed).toMatchObject([{ isOwn: true }]);
  });

  it('is told what the body took to arrive', async () => {
    const client = await RawClient.open(url);
    const text = rawPost(body);
    client.send(text.slice(0, -10));
    await sleep(200);
    client.send(text.slice(-10));
    await client.answers(1);
    client.socket.destroy();
    expect(reviews[0]?.granted.elapsedMs).toBeGreaterThan(150);
    expect(reviewed[0]?.durationMs).toBeGreaterThan(150);
  });

  it('that is denied is a 200, too', async () => {
    const outcome = { allowed: false as const, message: 'not yet', retryAfterSeconds: 1 };
    review = () => Promise.resolve({ outcome, decision: 'denied', reason: 'NoCredential' });
    const { status, answer } = await post(body);
    expect(status).toBe(200);
    expect(answer.response).toMatchObject({ uid, allowed: false, status: { code: 503 } });
  });

  it('of an object of several megabytes is read', async () => {
    const large = JSON.parse(body) as { request: { object: { metadata: object } } };
    Object.assign(large.request.object.metadata, { annotations: { large: 'x'.repeat(3_000_000) } });
    expect((await post(JSON.stringify(large))).status).toBe(200);
  });

  it('without a timeout, or with several, is answered all the same', async () => {
    expect((await post(body, { query: '' })).status).toBe(200);
    expect((await post(body, { query: '?timeout=1s&timeout=2s' })).status).toBe(200);
    expect(reviews.map(({ granted }) => granted.timeout)).toEqual([undefined, undefined]);
  });

  it('that cannot be understood, but has a uid, is let through and said', async () => {
    const { status, answer } = await post('{"request":{"uid":"u1"}}');
    expect(status).toBe(200);
    expect(answer.response).toMatchObject({ uid: 'u1', allowed: true });
    expect(unreadable).toHaveLength(1);
    expect(reviews).toEqual([]);
  });
});

describe('the end', () => {
  it('does not wait for a connection on which nothing was ever sent', async () => {
    const { hostname, port } = new URL(url);
    const silent = connect({
      host: hostname,
      port: Number(port),
      ca: certificates[0].caBundle,
      servername: 'first.local',
    });
    silent.on('error', () => undefined);
    await once(silent, 'secureConnect');
    const raw = connectRaw(Number(port), hostname);
    raw.on('error', () => undefined);
    await once(raw, 'connect');
    await server.stop();
    expect(server.isListening).toBe(false);
  });

  it('waits for the answers that are under way', async () => {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    review = () => promise;
    const answer = post(body);
    while (reviews.length === 0) await setImmediate();
    const stopped = server.stop();
    resolve(allowed);
    expect((await answer).status).toBe(200);
    await stopped;
  });
});

describe('what is no review', () => {
  it.each([
    ['no JSON', 'no'],
    ['an empty body', ''],
    ['no uid', '{"request":{}}'],
  ])('as %s is a 400', async (_, text) => {
    expect((await post(text)).status).toBe(400);
    expect(reviews).toEqual([]);
  });

  it.each([['text/plain'], ['application/x-protobuf'], ['application/json-patch+json'], ['']])(
    'is another content type, as %o',
    async (contentType) => {
      const { status, answer } = await post(body, { contentType });
      expect(status).toBe(400);
      expect(answer.error).toMatch(/Unsupported Media Type/);
    },
  );

  it('is another path or another method', async () => {
    const statusOf = async (path: string, method: string) => {
      const { statusCode, headers, body: answer } = await request(url + path, { method, dispatcher: agent });
      await answer.dump();
      return [statusCode, headers.allow];
    };
    expect(await statusOf('/', 'POST')).toEqual([404, undefined]);
    expect(await statusOf('/mutate/x', 'POST')).toEqual([404, undefined]);
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      expect(await statusOf('/mutate?timeout=10s', method)).toEqual([405, 'POST']);
    }
  });

  it('is a body beyond all limits', async () => {
    expect((await post(`"${'x'.repeat(8 * 1024 * 1024)}"`)).status).toBe(400);
  });
});

describe('the certificate', () => {
  async function servedNames(): Promise<string> {
    const socket = connect({
      port: Number(new URL(url).port),
      host: '127.0.0.1',
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    const { subjectaltname = '' }: DetailedPeerCertificate = socket.getPeerCertificate(true);
    socket.destroy();
    return subjectaltname;
  }

  it('is changed on the live server, without a break for those who are connected', async () => {
    expect(await servedNames()).toContain('first.local');
    await post(body);
    renew(certificates[1]);
    expect(await servedNames()).toContain('second.local');
    expect((await post(body)).status).toBe(200);
  });
});

describe('the end', () => {
  it('begins by sending those who come to another replica', async () => {
    expect((await post(body)).headers.connection).not.toBe('close');
    server.drain();
    const { status, headers } = await post(body);
    expect(status).toBe(200);
    expect(headers.connection).toBe('close');
  });

  it('waits for what is under way', async () => {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<undefined>();
    review = () => {
      arrive(undefined);
      return promise;
    };
    const answer = post(body);
    await arrived;
    const stopped = server.stop();
    resolve(allowed);
    expect((await answer).status).toBe(200);
    await stopped;
    expect(server.isListening).toBe(false);
    await expect(post(body)).rejects.toThrow();
  });

  it('answers, instead of a 503, what was on its way on a live connection when it began', async () => {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    review = () => (reviews.length === 1 ? promise : Promise.resolve(allowed));
    const [slow, half, later] = [await RawClient.open(url), await RawClient.open(url), await RawClient.open(url)];
    slow.send(rawPost(body));
    await expect.poll(() => reviews.length).toBe(1);
    for (const client of [half, later]) client.send(rawPost(body).slice(0, 30));
    await sleep(50);
    server.drain();
    const stopped = server.stop();
    half.send(rawPost(body).slice(30));
    expect(await half.closed()).toEqual([200]);
    later.send(rawPost(body).slice(30, -10));
    await sleep(50);
    resolve(allowed);
    expect(await slow.answers(1)).toEqual([200]);
    later.send(rawPost(body).slice(-10));
    expect(await later.closed()).toEqual([200]);
    await stopped;
  });

  it('does not wait longer for a body than one may take', async () => {
    const strict = new WebhookServer({
      listen: { host: '127.0.0.1', port: 0 },
      limits: { requestMs: 300 },
      handler: { review: () => Promise.resolve(allowed) },
      onReviewed: () => undefined,
      onUnreadable: () => undefined,
    });
    const client = await RawClient.open(await strict.start(certificates[0], { onChange: () => () => undefined }));
    client.send(rawPost(body).slice(0, -10));
    await sleep(50);
    await strict.stop();
    expect(await client.closed()).not.toContain(200);
  });

  it('comes though connections are idle', async () => {
    await post(body);
    await server.stop();
    expect(server.isListening).toBe(false);
  });
});

it('a server that is stopped while it starts does not listen afterwards', async () => {
  const early = new WebhookServer({
    listen: { host: '127.0.0.1', port: 0 },
    handler: { review: () => allowed },
    onReviewed: () => undefined,
    onUnreadable: () => undefined,
  });
  const started = early.start(certificates[0], { onChange: () => () => undefined });
  await new Promise<void>((resolve) => process.nextTick(resolve));
  await early.stop();
  await started;
  expect(early.isListening).toBe(false);
});

it('a server that has not started is not listening, and can be stopped', async () => {
  const idle = new WebhookServer({
    listen: { host: '127.0.0.1', port: 0 },
    handler: { review: () => Promise.resolve(allowed) },
    onReviewed: () => undefined,
    onUnreadable: () => undefined,
  });
  expect(idle.isListening).toBe(false);
  await idle.stop();
});
