import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { kubectl } from './kubectl-tools.ts';

/** Writes a kubeconfig whose user is the ServiceAccount, and resolves to its path in a folder of its own. */
export async function kubeconfigOf(
  account: { namespace: string; name: string },
  administrator: string,
): Promise<string> {
  const args = ['create', 'token', account.name, '--namespace', account.namespace, '--duration', '1h'];
  const { stdout, stderr, code } = await kubectl(args, { kubeconfig: administrator });
  if (code !== 0) throw new Error(stderr);
  const config = new KubeConfig();
  config.loadFromFile(administrator);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error(`${administrator} names no current cluster`);
  config.loadFromClusterAndUser(cluster, { name: account.name, token: stdout.trim() });
  const path = join(await mkdtemp(join(tmpdir(), 'acr-credential-injector-user-')), 'kubeconfig');
  await writeFile(path, config.exportConfig(), { mode: 0o600 });
  return path;
}
