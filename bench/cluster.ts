import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceProcess } from '../test/contract/service-process.ts';
import { Child } from './child.ts';
import type { Configuration } from './configuration.ts';

export interface ClusterOptions {
  namespaces: readonly string[];
  /** In each of them, besides `default`; none unless told. */
  serviceAccounts?: number;
  /** One unless told. */
  registries?: number;
  /** What differs from the bench's ConfigMap. */
  configuration?: Configuration;
}

/** A cluster that the service under test works in, and the cloud that it asks for tokens. */
export interface Cluster {
  kubeconfig: string;
  cloudUrl: string;
}

export interface ServiceOptions {
  /** Beside those that lead to the cluster and the cloud. */
  flags?: Readonly<Record<string, string>>;
  /** More of Node's options. */
  nodeOptions?: string;
  /** Node keeps it in memory, and the image has none. */
  compileCache?: boolean;
  /** The built program, if not this one's. */
  main?: string;
}

const ROOT = join(import.meta.dirname, '..');
const MAIN = join(ROOT, 'dist', 'main.js');

/** Node's flags in the image's entry point. */
function shippedNodeFlags(): string[] {
  const [, entryPoint = ''] = /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? [];
  return (JSON.parse(entryPoint) as string[]).filter((word) => word.startsWith('--'));
}

/** A sandbox in another process. */
export function startCluster(options: ClusterOptions): Promise<Child<Cluster>> {
  return Child.start<Cluster>('cluster-program.ts', options);
}

export function namespaceNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `team-${index}`);
}

/**
 * The service as it is shipped, not started yet. What `SERVICE_NODE_OPTIONS` holds goes to its Node: `--cpu-prof` for example.
 */
export function serviceIn(
  { kubeconfig, cloudUrl }: Cluster,
  { flags = {}, nodeOptions = '', compileCache = false, main = MAIN }: ServiceOptions = {},
): ServiceProcess {
  return new ServiceProcess({
    kubeconfig,
    main,
    nodeFlags: shippedNodeFlags(),
    flags: { 'cr-endpoint': cloudUrl, 'metadata-endpoint': cloudUrl, 'log-level': 'info', ...flags },
    environment: {
      NODE_OPTIONS: `${process.env.SERVICE_NODE_OPTIONS ?? ''} ${nodeOptions}`,
      ...(!compileCache && { NODE_DISABLE_COMPILE_CACHE: '1' }),
    },
  });
}

/** Lets it end by itself, so that Node writes what `--cpu-prof` collected. */
export async function endService(service: ServiceProcess): Promise<void> {
  if (!service.isRunning) return;
  service.signal('SIGTERM');
  await service.exited();
}

export async function webhookPortOf(service: ServiceProcess): Promise<number> {
  const { webhook } = await service.addresses();
  return Number(webhook.split(':').pop());
}
