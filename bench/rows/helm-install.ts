import { request } from 'undici';
import type { KubeConnection } from '../../src/kube/connection.ts';
import { eventually } from '../../test/contract/eventually.ts';
import { helm } from '../../test/e2e/kubectl-tools.ts';
import { startRealCluster } from '../real-cluster.ts';
import type { Row } from '../row.ts';

const INSTALLS = 20;
const CHART = new URL('../../test/charts/demo', import.meta.url).pathname;
const PATIENCE = { withinMs: 60_000, everyMs: 100 };
/** Of a release: its ServiceAccount, its Pod, the namespace's own ServiceAccount. */
const REVIEWS = 3;

export const row: Row = {
  what: 'what an API server waits for the webhook in one helm install',
  async measure() {
    await using cluster = await startRealCluster();
    const { kubeconfig, connection } = cluster;
    await install(kubeconfig, 'warm-up');
    const before = await waited(connection);
    for (let index = 0; index < INSTALLS; index++) await install(kubeconfig, `release-${index}`);
    const after = await eventually(async () => {
      const now = await waited(connection);
      return now.calls - before.calls >= REVIEWS * INSTALLS && now;
    }, PATIENCE);
    return [
      {
        what: `webhook, per helm install, mean of ${INSTALLS}`,
        unit: 'ms',
        value: (after.ms - before.ms) / INSTALLS,
        target: { atMost: 30 },
        note: `${((after.calls - before.calls) / INSTALLS).toFixed(1)} calls each`,
      },
    ];
  },
};

async function install(kubeconfig: string, namespace: string): Promise<void> {
  const args = ['install', 'demo', CHART, '--create-namespace', '--namespace', namespace];
  const { code, stderr } = await helm(args, { kubeconfig });
  if (code !== 0) throw new Error(stderr);
}

/** What the API server's own metric says of our webhooks. */
async function waited(connection: KubeConnection): Promise<{ ms: number; calls: number }> {
  const { headers, dispatcher } = await connection.open();
  const { body } = await request(`${connection.origin}/metrics`, { headers, dispatcher });
  const lines = (await body.text()).split('\n');
  const sumOf = (suffix: string) =>
    lines
      .filter((line) => line.startsWith(`apiserver_admission_webhook_admission_duration_seconds_${suffix}{`))
      .filter((line) => line.includes('acr-credential-injector'))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  return { ms: sumOf('sum') * 1000, calls: sumOf('count') };
}
