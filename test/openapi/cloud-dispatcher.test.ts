import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OpenApiStsClient } from '../../src/identity/sts-client.ts';
import { OpenApiAcrClient } from '../../src/registry/acr-client.ts';
import { cloudDispatcher, probeThrough } from '../../src/openapi/cloud-dispatcher.ts';
import { loopbackCertificate } from '../sandbox/api-server/certificate.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';

const credentials = { accessKeyId: 'LTAIemulated', accessKeySecret: 'the-account-secret' };
const target = { instanceId: 'cri-1', regionId: 'cn-hangzhou' };
const signal = new AbortController().signal;
const certificate = loopbackCertificate();

/** A proxy that lets every connection through, or none, and notes where they went. */
class ConnectProxy implements AsyncDisposable {
  readonly connections: string[] = [];
  answer: 'through' | 'refused' = 'through';
  readonly #server: Server = createServer((_, response) => response.writeHead(400).end());

  static async start(): Promise<ConnectProxy> {
    const proxy = new ConnectProxy();
    proxy.#server.on('connect', ({ url = '' }, client, head) => {
      proxy.connections.push(url);
      if (proxy.answer === 'refused') {
        client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return;
      }
      const { hostname, port } = new URL(`http://${url}`);
      const server = connect(Number(port), hostname, () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        server.write(head);
        server.pipe(client).pipe(server);
      });
      for (const socket of [server, client]) socket.on('error', () => [server, client].map((it) => it.destroy()));
    });
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let cloud: CloudEmulator;
let proxy: ConnectProxy;

beforeEach(async () => {
  cloud = await CloudEmulator.start({ certificate });
  cloud.addAccount(credentials);
  cloud.addInstance({ ...target, name: 'shop' });
  proxy = await ConnectProxy.start();
});
afterEach(async () => {
  await cloud.stop();
  await proxy[Symbol.asyncDispose]();
});

function tokenWith(environment: Record<string, string>): Promise<unknown> {
  const dispatcher = cloudDispatcher(environment, { ca: certificate.cert });
  const client = new OpenApiAcrClient({ endpoint: new URL(cloud.url), dispatcher });
  return client.authorizationToken(target, credentials, signal);
}

describe('a call of the cloud', () => {
  test.each(['HTTPS_PROXY', 'https_proxy'])('goes through the proxy that %s names, signature and all', async (name) => {
    await tokenWith({ [name]: proxy.url });
    expect(proxy.connections).toEqual([new URL(cloud.url).host]);
    expect(cloud.calls).toMatchObject([{ action: 'GetAuthorizationToken', status: 200 }]);
  });

  test('goes through a proxy that is named without http://', async () => {
    await tokenWith({ HTTPS_PROXY: new URL(proxy.url).host });
    expect(proxy.connections).toHaveLength(1);
  });

  test('is made by nobody where the proxy is no URL, and the message does not repeat it', () => {
    expect(() => cloudDispatcher({ HTTPS_PROXY: 'http://user:pass word@' })).toThrow(/^HTTPS_PROXY is no URL; write/);
  });

  test('of the Security Token Service does so, too', async () => {
    const roleArn = 'acs:ram::1000000000000001:role/puller';
    cloud.addRole({ arn: roleArn });
    const dispatcher = cloudDispatcher({ HTTPS_PROXY: proxy.url }, { ca: certificate.cert });
    const region = () => Promise.resolve('cn-hangzhou');
    const sts = new OpenApiStsClient({ endpoint: new URL(cloud.url), region, dispatcher });
    await sts.assumeRole({ roleArn, durationSeconds: 900 }, credentials, signal);
    expect(proxy.connections).toHaveLength(1);
  });

  test.each(['127.0.0.1', 'example.com, 127.0.0.1', '*'])(
    'goes straight to a host of NO_PROXY: %s',
    async (noProxy) => {
      await tokenWith({ HTTPS_PROXY: proxy.url, NO_PROXY: noProxy });
      expect(proxy.connections).toEqual([]);
      expect(cloud.calls).toMatchObject([{ status: 200 }]);
    },
  );

  test('goes straight where no proxy is named, whatever HTTP_PROXY and the environment of the process say', async () => {
    const before = process.env.HTTPS_PROXY;
    process.env.HTTPS_PROXY = proxy.url;
    try {
      await tokenWith({ HTTP_PROXY: proxy.url });
    } finally {
      if (before === undefined) delete process.env.HTTPS_PROXY;
      else process.env.HTTPS_PROXY = before;
    }
    expect(proxy.connections).toEqual([]);
  });

  test('that the proxy does not let through says that it is the proxy', async () => {
    proxy.answer = 'refused';
    await expect(tokenWith({ HTTPS_PROXY: proxy.url })).rejects.toMatchObject({
      code: 'Unreachable',
      retryable: true,
      message: expect.stringContaining('the proxy lets no connection') as string,
    });
    expect(cloud.calls).toEqual([]);
  });

  test('is made by nobody whose certificate is not trusted', async () => {
    const client = new OpenApiAcrClient({ endpoint: new URL(cloud.url), dispatcher: cloudDispatcher({}) });
    await expect(client.authorizationToken(target, credentials, signal)).rejects.toMatchObject({
      code: 'Unreachable',
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT') as string,
    });
    expect(cloud.calls).toEqual([]);
  });
});

describe('whether a host can be reached', () => {
  const host = () => new URL(cloud.url).host;
  const probe = (environment: Record<string, string>) =>
    probeThrough(cloudDispatcher(environment, { ca: certificate.cert }), 1000);

  test('is told by any answer of it', async () => {
    expect(await probe({})(host())).toBe(true);
    const there = host();
    await cloud.stop();
    expect(await probe({})(there)).toBe(false);
  });

  test('is told on the way that calls take', async () => {
    expect(await probe({ HTTPS_PROXY: proxy.url })(host())).toBe(true);
    proxy.answer = 'refused';
    expect(await probe({ HTTPS_PROXY: proxy.url })(host())).toBe(false);
    expect(proxy.connections).toEqual([host(), host()]);
  });
});
