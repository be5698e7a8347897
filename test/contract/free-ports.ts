import { createServer } from 'node:net';

/** Below the ports that the system hands out by itself, so that nobody gets one of these between two runs of a process. */
const FIRST_PORT = 20_000;
/** Test files that run side by side choose from ranges of their own. */
const RANGE = 600;
const RANGES = 20;

/** The first of `count` ports on loopback, one after another, that nobody listens on. */
export async function freePorts(count: number): Promise<number> {
  const range = Number(process.env.VITEST_POOL_ID ?? 0) % RANGES;
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = FIRST_PORT + range * RANGE + Math.floor(Math.random() * (RANGE - count));
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
