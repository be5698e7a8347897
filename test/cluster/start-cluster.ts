import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePorts } from '../contract/free-ports.ts';

export interface StartedCluster extends AsyncDisposable {
  /** The path of an administrator's kubeconfig. */
  kubeconfig: string;
}

/** Runs a script of this folder that knows `up` and `down`, with ports of its own. */
export async function startCluster(script: string): Promise<StartedCluster> {
  const path = join(import.meta.dirname, script);
  const env = { ...process.env, CLUSTER_PORT: String(await freePorts(3)) };
  const downAtOnce = (): void => {
    execFileSync(path, ['down'], { env, stdio: 'inherit' });
  };
  process.once('exit', downAtOnce); // a run that is interrupted skips its teardown
  return {
    kubeconfig: await up(path, env),
    async [Symbol.asyncDispose]() {
      process.off('exit', downAtOnce);
      // The API server may take ten seconds, during which vitest sees to the end of its workers.
      await once(spawn(path, ['down'], { env, stdio: 'inherit' }), 'close');
    },
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
