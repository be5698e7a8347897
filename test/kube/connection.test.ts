import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import { resources } from '../../src/kube/resources.ts';
import { HttpApi, sendJson } from '../fakes/http-api.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SandboxApiServer } from '../sandbox/api-server/sandbox-api-server.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'connection-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('a connection', () => {
  it('speaks TLS as a kubeconfig file says', async () => {
    await using server = await SandboxApiServer.start();
    const file = join(directory, 'kubeconfig');
    await writeFile(file, server.kubeconfig());
    const client = new KubeClient(KubeConnection.load(file, systemClock));
    expect((await client.version()).minor).toBe('20');
    const { items } = await client.list(resources.namespaces);
    expect(items.map(({ metadata }) => metadata.name)).toContain('kube-system');
    await client.close();
  });

  it('needs a current cluster', () => {
    expect(() => new KubeConnection(new KubeConfig(), systemClock)).toThrow('no current cluster');
  });

  it('reaches a server behind a path', async () => {
    await using api = await HttpApi.start();
    const connection = api.connection(systemClock, {}, `${api.url}/k8s/clusters/c-1/`);
    api.answer = (response) => sendJson(response, 200, {});
    const client = new KubeClient(connection);
    await client.version();
    expect(api.requests.map(({ path }) => path)).toEqual(['/k8s/clusters/c-1/version']);
    await client.close();
  });

  it.each(['localhost:6443', 'tcp://localhost:6443', 'https://'])('is refused to the server %j', async (server) => {
    await using api = await HttpApi.start();
    expect(() => api.connection(systemClock, {}, server)).toThrow(
      'the server of cluster test is no URL of http or https',
    );
  });

  it('keeps its dispatcher, and with it the connections', async () => {
    await using api = await HttpApi.start();
    const clock = new ManualClock();
    const connection = api.connection(clock);
    const { dispatcher } = await connection.open();
    clock.advance(60_000);
    connection.invalidate();
    expect((await connection.open()).dispatcher).toBe(dispatcher);
    await connection.close();
  });

  it('has one dispatcher when the first requests come together', async () => {
    await using api = await HttpApi.start();
    const connection = api.connection(new ManualClock());
    const opened = await Promise.all([connection.open(), connection.open(), connection.open()]);
    expect(new Set(opened.map(({ dispatcher }) => dispatcher)).size).toBe(1);
    await connection.close();
  });
});

describe('how a request authenticates', () => {
  async function headersOf(user: object): Promise<Record<string, string>> {
    await using api = await HttpApi.start();
    const connection = api.connection(new ManualClock(), user);
    const { headers } = await connection.open();
    await connection.close();
    return headers;
  }

  it('is as the kubeconfig says', async () => {
    expect(await headersOf({ token: 'secret' })).toMatchObject({ authorization: 'Bearer secret' });
    const basic = Buffer.from('me:pass').toString('base64');
    expect(await headersOf({ username: 'me', password: 'pass' })).toMatchObject({ authorization: `Basic ${basic}` });
    expect(await headersOf({})).not.toHaveProperty('authorization');
  });

  it('is read anew after ten seconds, or at once when the server refused it', async () => {
    await using api = await HttpApi.start();
    const clock = new ManualClock();
    const kubeConfig = new KubeConfig();
    let reads = 0;
    kubeConfig.loadFromClusterAndUser({ name: 'test', server: api.url, skipTLSVerify: true }, { name: 'test' });
    const counted = Object.assign(kubeConfig, {
      applyToHTTPSOptions: (options: { headers?: object }) => {
        options.headers = { Authorization: `Bearer ${++reads}` };
        return Promise.resolve();
      },
    });
    const connection = new KubeConnection(counted, clock);
    const authorization = async () => (await connection.open()).headers.authorization;
    expect(await authorization()).toBe('Bearer 1');
    clock.advance(10_000);
    expect(await authorization()).toBe('Bearer 1');
    clock.advance(1);
    expect(await authorization()).toBe('Bearer 2');
    connection.invalidate();
    expect(await authorization()).toBe('Bearer 3');
    await connection.close();
  });
});
