import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of an administrator's kubeconfig. */
    kubeconfig: string;
  }
}

/** The real cluster of the end-to-end tests: that of `E2E_KUBECONFIG`, or a control plane that lives as long as the run. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.E2E_KUBECONFIG;
  if (given) {
    project.provide('kubeconfig', given);
    return undefined;
  }
  return startCluster(project, 'control-plane.sh');
}

/** Runs a script of `test/cluster` that knows `up` and `down`, with ports of its own. Resolves to what ends it. */
export async function startCluster(project: TestProject, script: string): Promise<() => Promise<void>> {
  const path = join(import.meta.dirname, '..', 'cluster', script);
  const env = { ...process.env, CLUSTER_PORT: String(await freePorts()) };
  const downAtOnce = (): void => {
    execFileSync(path, ['down'], { env, stdio: 'inherit' });
  };
  process.once('exit', downAtOnce); // a run that is interrupted skips its teardown
  project.provide('kubeconfig', await up(path, env));
  return async () => {
    process.off('exit', downAtOnce);
    // The API server may take ten seconds, during which vitest sees to the end of its workers.
    await once(spawn(path, ['down'], { env, stdio: 'inherit' }), 'close');
  };
}

/** Resolves to the kubeconfig's path; what the script has to say on the way, logs of a failure included, is shown. */
async function up(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const script = spawn(path, ['up'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(script, 'close') as Promise<[number | null]>;
  const kubeconfig = await text(script.stdout);
  const [code] = await ended;
  if (code !== 0) throw new Error(`${path} up ended with ${String(code)}`);
  return kubeconfig.trim();
}

/** The first of three free ports in a row, below those that the system hands out by itself. */
async function freePorts(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 20_000 + Math.floor(Math.random() * 4_000) * 3;
    const free = await Promise.all([first, first + 1, first + 2].map(isFree));
    if (free.every(Boolean)) return first;
  }
  throw new Error('no three free ports in a row');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
