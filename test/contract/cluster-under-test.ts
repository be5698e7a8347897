import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { SandboxApiServer, type SandboxOptions } from '../sandbox/api-server/sandbox-api-server.ts';

/**
 * The Kubernetes API that the service under test works against. What is true of both kinds is told by what a client sees:
 * watches and reads. The sandbox tells more, and can misbehave on demand.
 */
export interface ClusterUnderTest extends AsyncDisposable {
  /** The path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Undefined on a real server. */
  readonly sandbox: SandboxApiServer | undefined;
}

/** Is it the sandbox that this run tests against? */
export const isSandbox = process.env.CONTRACT_CLUSTER !== 'real';

/**
 * A sandbox of the test file's own, or the real cluster that the run was started with and that all files share.
 * @param options of the sandbox; the real cluster is as it is.
 */
export async function clusterUnderTest(options: SandboxOptions = {}): Promise<ClusterUnderTest> {
  if (!isSandbox) {
    return { kubeconfig: inject('kubeconfig'), sandbox: undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const sandbox = await SandboxApiServer.start(options);
  const directory = await mkdtemp(join(tmpdir(), 'acr-credential-injector-sandbox-'));
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.kubeconfig(), { mode: 0o600 });
  return {
    kubeconfig,
    sandbox,
    [Symbol.asyncDispose]: async () => {
      await sandbox.stop();
      await rm(directory, { recursive: true });
    },
  };
}
