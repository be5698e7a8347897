import { Gauge, Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StatusServer, type ReadinessChecks } from '../../src/server/status-server.ts';

let checks: ReadinessChecks;
let scrapes: number;
let server: StatusServer;
let url: string;

beforeEach(async () => {
  checks = { listening: true, synced: true };
  scrapes = 0;
  const metrics = new Registry();
  const gauge = new Gauge({ name: 'scrapes', help: 'how often', registers: [metrics] });
  server = new StatusServer({
    listen: { host: '127.0.0.1', port: 0 },
    metrics,
    beforeScrape: () => gauge.set(++scrapes),
    readiness: () => checks,
    status: () => ({ registries: ['cri-a'] }),
  });
  url = await server.start();
});
afterEach(() => server.stop());

async function get(path: string) {
  const response = await fetch(url + path);
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

describe('the status server', () => {
  it('is alive while the process is', async () => {
    checks = { listening: false };
    expect(await get('/livez')).toMatchObject({ status: 200, body: 'ok' });
  });

  it('is ready when every check holds, and tells which does not', async () => {
    expect(await get('/readyz')).toMatchObject({ status: 200 });
    checks = { listening: true, synced: false };
    const { status, body } = await get('/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(body)).toEqual({ ready: false, checks });
  });

  it('brings metrics up to date when they are asked for', async () => {
    expect(await get('/metrics')).toMatchObject({ status: 200, type: expect.stringContaining('text/plain') as string });
    expect((await get('/metrics')).body).toContain('scrapes 2');
  });

  it('tells its status to people', async () => {
    const { type, body } = await get('/status');
    expect(type).toContain('application/json');
    expect(JSON.parse(body)).toEqual({ registries: ['cri-a'] });
    expect(body).toContain('\n');
  });

  it('knows nothing else', async () => {
    expect((await get('/mutate')).status).toBe(404);
  });

  it('stops though somebody keeps a connection', async () => {
    await get('/livez');
    await server.stop();
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });
});
