import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../../contract/eventually.ts';

export interface RegistryOptions {
  /** The path of Debian's `docker-registry`. */
  command: string;
  /** For files that it reads. */
  directory: string;
  /** Default: 127.0.0.1. */
  host?: string;
  port: number;
  /** Absent: it speaks HTTP, and whoever comes may pull and push. */
  privacy?: {
    /** Paths of PEM files: its own pair, and the CA that stands behind the authorization server's signatures. */
    tls: { certificate: string; key: string; ca: string };
    /** What it calls itself towards the authorization server, that one's URL, and what that one calls itself. */
    authorization: { service: string; realm: string; issuer: string };
  };
}

/** A registry that holds its images in memory. */
export class RegistryProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = '';

  private constructor(command: string, configuration: string) {
    this.#child = spawn(command, ['serve', configuration], { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => (this.#output += chunk));
    }
  }

  static async start(options: RegistryOptions): Promise<RegistryProcess> {
    const { command, directory, host = '127.0.0.1', port } = options;
    const path = join(directory, `registry-${port}.yml`);
    await writeFile(path, JSON.stringify(configurationOf({ ...options, host })));
    const registry = new RegistryProcess(command, path);
    try {
      await eventually(() => registry.#listensOn(host, port), { withinMs: 30_000 });
    } catch (error) {
      await registry[Symbol.asyncDispose]();
      throw error;
    }
    return registry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  #listensOn(host: string, port: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => reject(new Error(`docker-registry does not listen:\n${this.#output.slice(-2_000)}`)));
    });
  }
}

/** Source: docker-registry's configuration.md; its YAML may be written as JSON. */
function configurationOf({ host = '', port, privacy }: RegistryOptions): object {
  const http = { addr: `${host}:${port}`, secret: 'one process' };
  const open = { version: '0.1', storage: { inmemory: {} }, http };
  if (!privacy) return open;
  const { tls, authorization } = privacy;
  return {
    ...open,
    http: { ...http, tls: { certificate: tls.certificate, key: tls.key } },
    auth: { token: { ...authorization, rootcertbundle: tls.ca } },
  };
}
