import { connect, type Socket } from 'node:net';
import { Agent, type buildConnector } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { wholeAnswer } from '../../src/kube/whole-answer.ts';
import { HttpApi, sendJson } from '../fakes/http-api.ts';

let api: HttpApi;
beforeEach(async () => {
  api = await HttpApi.start();
});
afterEach(() => api[Symbol.asyncDispose]());

const options = () => ({ origin: api.url, path: '/', method: 'PATCH' as const, body: '{}', headersTimeout: 0 });

describe('a request that waits for its connection', () => {
  let connectAtLast: () => Promise<Socket>;
  let dispatcher: Agent;
  beforeEach(() => {
    const asked = Promise.withResolvers<buildConnector.Callback>();
    connectAtLast = async () => {
      const callback = await asked.promise;
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
      await new Promise((resolve) => socket.once('connect', resolve));
      callback(null, socket);
      return socket;
    };
    dispatcher = new Agent({ connect: (_, callback) => asked.resolve(callback) });
  });
  afterEach(() => dispatcher.destroy());

  it('is given up when its signal fires, and not sent when the connection comes after all', async () => {
    const call = new AbortController();
    const answer = wholeAnswer(dispatcher, options(), call.signal);
    call.abort(new Error('late'));
    await expect(answer).rejects.toThrow('late');
    await connectAtLast();
    // The next one is answered on a connection of that server, and would come behind it.
    await wholeAnswer(new Agent(), { ...options(), path: '/next' }, new AbortController().signal);
    expect(api.requests.map(({ path }) => path)).toEqual(['/next']);
  });

  it('is not even asked for when its signal has fired before', async () => {
    await expect(wholeAnswer(dispatcher, options(), AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    expect(dispatcher.stats).toEqual({});
  });
});

describe('an answer', () => {
  it('is read without a byte order mark, and in the character set of JSON', async () => {
    api.answer = (response) => response.writeHead(200).end(Buffer.from('\uFEFF"\u00e9\u4e2d"'));
    const dispatcher = new Agent();
    const { text } = await wholeAnswer(dispatcher, options(), new AbortController().signal);
    expect(JSON.parse(text)).toBe('\u00e9\u4e2d');
    await dispatcher.destroy();
  });

  it('leaves nothing listening to the signal', async () => {
    api.answer = (response) => sendJson(response, 200, {});
    const dispatcher = new Agent();
    const { signal } = new AbortController();
    let listening = 0;
    const counted = Object.assign(signal, {
      addEventListener: () => listening++,
      removeEventListener: () => listening--,
    });
    await wholeAnswer(dispatcher, options(), counted);
    expect(listening).toBe(0);
    await dispatcher.destroy();
  });
});
