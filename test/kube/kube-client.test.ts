import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeApiError } from '../../src/errors.ts';
import { KubeClient, type WatchOptions } from '../../src/kube/kube-client.ts';
import type { KubeObject, WatchEvent } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { secretAt } from '../builders/kube-objects.ts';
import { HttpApi, sendJson } from '../fakes/http-api.ts';

let api: HttpApi;
let client: KubeClient;

beforeEach(async () => {
  api = await HttpApi.start();
  client = new KubeClient(api.connection(systemClock));
});
afterEach(async () => {
  await client.close();
  await api[Symbol.asyncDispose]();
});

const ref = { namespace: 'a', name: 'b' };
const path = '/api/v1/namespaces/a/secrets/b';
const sent = () => api.requests.at(-1);

async function failureOf(call: Promise<unknown>): Promise<KubeApiError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KubeApiError);
  return error as KubeApiError;
}

describe('a request', () => {
  it('authenticates and asks for JSON', async () => {
    api.answer = (response) => sendJson(response, 200, secretAt('a/b', { type: 'Opaque' }));
    expect(await client.get(resources.secrets, ref)).toEqual(secretAt('a/b', { type: 'Opaque' }));
    expect(sent()).toMatchObject({
      method: 'GET',
      path,
      headers: {
        authorization: 'Bearer the-token',
        accept: 'application/json',
        'user-agent': 'acr-credential-injector',
      },
    });
  });

  it('that is aborted before it is sent is not sent', async () => {
    const signal = AbortSignal.abort();
    expect(await failureOf(client.create(resources.secrets, secretAt('a/b'), { signal }))).toMatchObject({
      code: 'Timeout',
    });
    expect(api.requests).toEqual([]);
  });

  it('hands over the items of a list one by one, and keeps none', async () => {
    const items = ['a/b', 'a/c'].map((key) => secretAt(key));
    const metadata = { resourceVersion: '7', continue: 'next' };
    api.answer = (response) => sendJson(response, 200, { kind: 'SecretList', metadata, items });
    const told: unknown[] = [];
    const list = await client.list(resources.secrets, {}, (...item) => told.push(item));
    expect(told).toEqual(items.map((item) => [item, metadata]));
    expect(list).toEqual({ kind: 'SecretList', metadata, items: [] });
  });

  it('fails where a list that is handed over ends in the middle', async () => {
    api.answer = (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"metadata":{},"items":[{"metadata":{"name":"b"}},{"meta');
      setTimeout(() => response.destroy(), 20);
    };
    const told: unknown[] = [];
    const failure = await failureOf(client.list(resources.secrets, {}, (item) => told.push(item)));
    expect(failure).toMatchObject({ code: 'Unreachable', retryable: true });
    expect(told).toHaveLength(1);
  });

  it('lists what is asked for, by pages', async () => {
    await client.list(resources.secrets, { fieldSelector: 'metadata.name=b', limit: 500, continue: 'next' });
    expect(sent()).toMatchObject({
      path: '/api/v1/secrets',
      query: { fieldSelector: 'metadata.name=b', limit: '500', continue: 'next' },
    });
    await client.list(resources.secrets, { namespace: 'a', resourceVersion: '0', timeoutMs: 1000 });
    expect(sent()).toMatchObject({ path: '/api/v1/namespaces/a/secrets', query: { resourceVersion: '0' } });
  });

  it('creates under our name', async () => {
    await client.create(resources.secrets, secretAt('a/b'));
    expect(sent()).toMatchObject({
      method: 'POST',
      path: '/api/v1/namespaces/a/secrets',
      query: { fieldManager: 'acr-credential-injector' },
      body: secretAt('a/b'),
    });
  });

  it('applies with force, and says of what kind the object is', async () => {
    await client.apply(resources.secrets, { metadata: ref });
    expect(sent()).toMatchObject({
      method: 'PATCH',
      path,
      query: { force: 'true', fieldManager: 'acr-credential-injector' },
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: { apiVersion: 'v1', kind: 'Secret', metadata: ref },
    });
  });

  it('patches, in a dry run too', async () => {
    await client.jsonPatch(resources.secrets, ref, [{ op: 'remove', path: '/data' }], { dryRun: true });
    expect(sent()).toMatchObject({
      method: 'PATCH',
      query: { fieldManager: 'acr-credential-injector', dryRun: 'All' },
      headers: { 'content-type': 'application/json-patch+json' },
      body: [{ op: 'remove', path: '/data' }],
    });
  });

  it('deletes that very object', async () => {
    await client.delete(resources.secrets, ref, { uid: 'u', resourceVersion: '7' });
    expect(sent()).toMatchObject({
      method: 'DELETE',
      path,
      body: { preconditions: { uid: 'u', resourceVersion: '7' } },
    });
  });

  it('that writes is sent only while it may be, by what holds when the connection is there; one that reads always', async () => {
    let mayWrite = true;
    const guarded = client.writingWhile(() => mayWrite);
    await guarded.apply(resources.secrets, { metadata: ref });
    mayWrite = false;
    const sentBefore = api.requests.length;
    const writes = [
      () => guarded.apply(resources.secrets, { metadata: ref }),
      () => guarded.jsonPatch(resources.secrets, ref, []),
      () => guarded.create(resources.secrets, secretAt('a/b')),
      () => guarded.delete(resources.secrets, ref),
    ];
    for (const write of writes) expect(await failureOf(write())).toMatchObject({ code: 'NotSent', retryable: true });
    expect(api.requests).toHaveLength(sentBefore);
    await guarded.get(resources.secrets, ref);
    await client.apply(resources.secrets, { metadata: ref });
    expect(api.requests).toHaveLength(sentBefore + 2);
  });

  it('goes over a connection that is there', async () => {
    for (let time = 0; time < 20; time++) await client.version();
    expect(api.connections).toBeLessThan(5);
  });
});

describe('a refusal', () => {
  it('is the Status of the answer', async () => {
    api.answer = (response) =>
      sendJson(response, 403, { kind: 'Status', reason: 'Forbidden', message: 'no right', code: 403 });
    const error = await failureOf(client.get(resources.secrets, ref));
    expect(error).toMatchObject({ status: 403, code: 'Forbidden', retryable: false });
    expect(error.message).toBe(`GET ${path} answered 403 Forbidden: no right`);
  });

  it('carries Retry-After', async () => {
    api.answer = (response) => sendJson(response, 429, {}, { 'retry-after': '3' });
    expect(await failureOf(client.version())).toMatchObject({ status: 429, retryAfterMs: 3000 });
  });

  it('of the credentials makes the next request read them anew', async () => {
    let token = 'old';
    const connection = api.connection(systemClock);
    const reading = new KubeClient(
      Object.assign(connection, {
        invalidate: () => {
          token = 'new';
        },
      }),
    );
    api.answer = (response) => sendJson(response, 401, {});
    expect(await failureOf(reading.version())).toMatchObject({ status: 401 });
    expect(token).toBe('new');
    await connection.close();
  });
});

describe('no answer', () => {
  it('within the time limit is a failure that may pass', async () => {
    api.answer = () => undefined;
    expect(await failureOf(client.version({ timeoutMs: 30 }))).toMatchObject({ code: 'Timeout', retryable: true });
  });

  it('is waited for no longer when the caller stops', async () => {
    const stop = new AbortController();
    api.answer = () => stop.abort();
    expect(await failureOf(client.version({ signal: stop.signal }))).toMatchObject({ code: 'Timeout' });
  });

  it('comes from a port where nobody listens', async () => {
    await api[Symbol.asyncDispose]();
    expect(await failureOf(client.version())).toMatchObject({ code: 'Unreachable', status: 0, retryable: true });
    api = await HttpApi.start();
  });

  it('is half an answer', async () => {
    api.answer = (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"data":', () => response.destroy());
    };
    expect(await failureOf(client.version())).toMatchObject({ status: 0, retryable: true });
  });

  it('is an answer that is no JSON, of which nothing is said', async () => {
    api.answer = (response) => response.writeHead(200).end('{"data": c2VjcmV0}');
    const error = await failureOf(client.get(resources.secrets, ref));
    expect(error).toMatchObject({ code: 'UnreadableAnswer', status: 0 });
    expect(error.message).not.toContain('c2Vj');
  });
});

describe('a refusal whose body breaks off', () => {
  it.each([401, 403, 404, 429])('is still a %d, and tells when to come back', async (status) => {
    api.answer = (response) => {
      response.writeHead(status, { 'content-length': 100, 'retry-after': '7' });
      response.write('{"kind":', () => response.destroy());
    };
    const refused = { status, code: `Http${status}`, retryAfterMs: 7_000 };
    expect(await failureOf(client.get(resources.secrets, ref))).toMatchObject(refused);
  });

  it('has the credentials read anew all the same', async () => {
    api.answer = (response) => {
      response.writeHead(401, { 'content-length': 100 });
      response.write('{', () => response.destroy());
    };
    const connection = api.connection(systemClock);
    let invalidated = 0;
    const counted = new KubeClient(Object.assign(connection, { invalidate: () => invalidated++ }));
    await failureOf(counted.version());
    expect(invalidated).toBe(1);
    await counted.close();
  });
});

describe('a connection that is open and', () => {
  /** A listener that does with a connection what `serve` says, instead of HTTP. */
  async function clientOf(
    serve: (socket: Socket) => void,
    scheme = 'http',
  ): Promise<{ stalled: KubeClient } & AsyncDisposable> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      serve(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connection = api.connection(systemClock);
    const stalled = new KubeClient(Object.assign(connection, { origin: `${scheme}://127.0.0.1:${port}` }));
    const close = async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await stalled.close();
    };
    return { stalled, [Symbol.asyncDispose]: close };
  }

  it.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => undefined],
    ['is read by nobody', (socket) => socket.pause()],
    ['never ends its header', (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n')],
    ['never ends its body', (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"kind":')],
  ])('%s is given up in time by requests and watches alike', async (_, serve) => {
    await using parts = await clientOf(serve);
    const { stalled } = parts;
    const limits = { code: 'Timeout', status: 0, retryable: true };
    expect(await failureOf(stalled.version({ timeoutMs: 50 }))).toMatchObject(limits);
    expect(await failureOf(stalled.jsonPatch(resources.secrets, ref, [], { timeoutMs: 50 }))).toMatchObject(limits);
    const watching = stalled.watch(resources.secrets, {
      resourceVersion: '5',
      timeoutSeconds: 45,
      signal: AbortSignal.timeout(50),
    });
    expect(await failureOf(watching.next())).toMatchObject(limits);
  });

  it('never ends its handshake is given up in time', async () => {
    await using parts = await clientOf((socket) => socket.pause(), 'https');
    expect(await failureOf(parts.stalled.version({ timeoutMs: 50 }))).toMatchObject({ code: 'Timeout', status: 0 });
  });
});

describe('a watch', () => {
  const options = (signal = new AbortController().signal): WatchOptions => ({
    resourceVersion: '5',
    timeoutSeconds: 45,
    fieldSelector: 'metadata.name=b',
    signal,
  });
  const event = (type: string, resourceVersion: string) =>
    JSON.stringify({ type, object: { metadata: { name: 'b', resourceVersion } } });

  function stream(feed: (response: ServerResponse) => void): void {
    api.answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      feed(response);
    };
  }

  async function collect(signal?: AbortSignal): Promise<WatchEvent<KubeObject>[]> {
    const events: WatchEvent<KubeObject>[] = [];
    for await (const each of client.watch(resources.secrets, options(signal))) events.push(each);
    return events;
  }

  it('yields events wherever the stream is cut, until the server ends it', async () => {
    const whole = `${event('ADDED', '6')}\n${event('BOOKMARK', '9')}\n`;
    stream((response) => {
      response.write(whole.slice(0, 30), () => response.write(whole.slice(30), () => response.end()));
    });
    expect(await collect()).toMatchObject([
      { type: 'ADDED', object: { metadata: { resourceVersion: '6' } } },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
    ]);
    expect(sent()).toMatchObject({
      path: '/api/v1/secrets',
      query: {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: '5',
        timeoutSeconds: '45',
        fieldSelector: 'metadata.name=b',
      },
    });
  });

  it('throws the Status of an ERROR event', async () => {
    const object = { kind: 'Status', code: 410, reason: 'Expired' };
    stream((response) => response.write(`${JSON.stringify({ type: 'ERROR', object })}\n`));
    expect(await failureOf(collect())).toMatchObject({ status: 410, code: 'Expired' });
  });

  it('throws a refusal', async () => {
    api.answer = (response) => sendJson(response, 410, { kind: 'Status', reason: 'Expired' });
    expect(await failureOf(collect())).toMatchObject({ status: 410 });
  });

  it('throws when the connection breaks', async () => {
    stream((response) => response.write(`${event('ADDED', '6')}\n`, () => response.destroy()));
    expect(await failureOf(collect())).toMatchObject({ status: 0, retryable: true });
  });

  it('throws when its signal fires, while it waits for an event', async () => {
    const stop = new AbortController();
    stream((response) => response.write(`${event('ADDED', '6')}\n`, () => stop.abort()));
    expect(await failureOf(collect(stop.signal))).toMatchObject({ code: 'Timeout' });
  });

  it('throws at what is no event, of which nothing is said', async () => {
    stream((response) => response.write('{"data": c2VjcmV0}\n'));
    const error = await failureOf(collect());
    expect(error.code).toBe('UnreadableAnswer');
    expect(error.message).not.toContain('c2Vj');
  });

  it('closes its connection when nobody reads on', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<unknown>();
    stream((response) => {
      resolve(once(response, 'close'));
      response.write(`${event('ADDED', '6')}\n`);
    });
    for await (const { type } of client.watch(resources.secrets, options())) {
      expect(type).toBe('ADDED');
      break;
    }
    await closed;
  });
});
