import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startCluster } from '../cluster/start-cluster.ts';
import { shell } from '../e2e/kubectl-tools.ts';
import { RegistryProcess } from '../e2e/registry/registry-process.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the service's own image is pushed to and pulled from, by whoever likes, as `host:port`. */
    openRegistry: string;
    /** The folder of a command `docker`. */
    docker: string;
    /** The folder of a static busybox, which images are made of. */
    busybox: string;
  }
}

/** The node's address, in a network namespace of its own; no port is taken there. */
export const NODE_ADDRESS = '192.0.2.10';
/** Where containerd looks for the way to registries. */
export const PROXY_PORT = 3128;
const REGISTRY_PORT = 5000;
const SCRIPTS = join(import.meta.dirname, '..', 'cluster');

/** One cluster with one node, and a registry for the service's image, for all test files of a run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env.NODE_PROXY = `http://127.0.0.1:${PROXY_PORT}`;
  process.env.DOCKER_PUSH_FLAGS = '--tls-verify=false';
  await using stack = new AsyncDisposableStack();
  const { kubeconfig } = stack.use(await startCluster('node.sh'));
  project.provide('kubeconfig', kubeconfig);

  const directory = await mkdtemp(join(tmpdir(), 'acr-credential-injector-registry-'));
  stack.defer(() => rm(directory, { recursive: true }));
  const command = join(await scriptOutput('registry-tools.sh'), 'docker-registry');
  stack.use(await RegistryProcess.start({ command, directory, host: NODE_ADDRESS, port: REGISTRY_PORT }));
  const address = `${NODE_ADDRESS}:${REGISTRY_PORT}`;
  project.provide('openRegistry', address);
  await introduce(address, join(dirname(kubeconfig), 'registries'));
  project.provide('docker', await scriptOutput('image-builder.sh'));
  project.provide('busybox', join(await scriptOutput('debian-packages.sh busybox busybox-static'), 'root', 'bin'));

  const running = stack.move();
  return () => running.disposeAsync();
}

/** Tells containerd that this registry speaks HTTP. */
async function introduce(address: string, registries: string): Promise<void> {
  await mkdir(join(registries, address), { recursive: true });
  await writeFile(join(registries, address, 'hosts.toml'), `[host."http://${address}"]\n`);
}

async function scriptOutput(command: string): Promise<string> {
  const { stdout, stderr, code } = await shell(`${SCRIPTS}/${command}`, { kubeconfig: '' });
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout.trim();
}
