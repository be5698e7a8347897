import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { resources } from '../../../src/kube/resources.ts';
import { SandboxApiServer } from './sandbox-api-server.ts';
import type { SandboxOptions } from './sandbox-api-server.ts';
import { SandboxClient } from './sandbox-client.ts';

const realKubeconfig = process.env.SANDBOX_PROOF_KUBECONFIG;

/**
 * The API server under test. With `SANDBOX_PROOF_KUBECONFIG` set to that of a real cluster, what does not need the
 * sandbox's own controls runs there, which shows whether the sandbox behaves as the real one does.
 */
export class TestApi implements AsyncDisposable {
  readonly client: SandboxClient;
  readonly #sandbox: SandboxApiServer | undefined;

  private constructor(client: SandboxClient, sandbox: SandboxApiServer | undefined) {
    this.client = client;
    this.#sandbox = sandbox;
  }

  /** The sandbox, or the real server where one is given and no options ask for the sandbox. */
  static async start(options?: SandboxOptions): Promise<TestApi> {
    if (realKubeconfig && !options)
      return new TestApi(new SandboxClient(readFileSync(realKubeconfig, 'utf8')), undefined);
    const sandbox = await SandboxApiServer.start(options);
    return new TestApi(new SandboxClient(sandbox.kubeconfig()), sandbox);
  }

  get isReal(): boolean {
    return this.#sandbox === undefined;
  }

  get sandbox(): SandboxApiServer {
    if (!this.#sandbox) throw new Error('this test is for the sandbox only');
    return this.#sandbox;
  }

  /** A new namespace that has its ServiceAccount. */
  async namespace(fields: object = {}): Promise<string> {
    const name = uniqueName('ns');
    const { code, body } = await this.client.create(resources.namespaces, '', { metadata: { name, ...fields } });
    if (code !== 201) throw new Error(body.message);
    await until(async () => {
      const { body: account } = await this.client.get(resources.serviceAccounts, { namespace: name, name: 'default' });
      // Before 1.24 a Pod is refused until its ServiceAccount has a token.
      return account.kind === 'ServiceAccount' && (!this.isReal || account.secrets !== undefined);
    });
    return name;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.#sandbox?.stop();
  }
}

export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}

/** Waits until it holds; fails after the deadline. */
export async function until(holds: () => boolean | Promise<boolean>, deadlineMs = 10_000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not so within ${deadlineMs} ms: ${holds.toString()}`);
    await sleep(10);
  }
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
