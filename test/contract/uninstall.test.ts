import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeObject, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources, type Resource } from '../../src/kube/resources.ts';
import { refAt, secretAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { CHART, flagsOf, type JobSpec } from '../chart/render-chart.ts';
import { helm, kubectl, type CommandResult } from '../e2e/kubectl-tools.ts';
import { kubeconfigOf } from '../e2e/limited-user.ts';
import { clusterUnderTest, type ClusterUnderTest } from './cluster-under-test.ts';
import { ClusterUser } from './cluster-user.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { runCommand } from './run-command.ts';
import { uniqueName } from './unique-name.ts';

const CLEANUP = 'acr-credential-injector-cleanup';
const KINDS =
  'serviceaccount,clusterrole,clusterrolebinding,role,rolebinding,job,deployment,service,networkpolicy,configmap';
const MANAGED_BY = 'app.kubernetes.io/managed-by';
const ours = { labels: { [MANAGED_BY]: 'acr-credential-injector' } };
const jobs: Resource = { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', namespaced: true };
const patience = { timeout: 180_000 };

type Job = KubeObject & { spec: JobSpec };
/** Runs what the Job's container would, and resolves to its exit code. */
type Run = (flags: Readonly<Record<string, string>>) => Promise<number>;

/** No node runs the Job's Pod here: the test does, under the Job's identity, and reports how it ended. */
describe('`helm uninstall`', () => {
  const own = uniqueName('acr');
  const team = uniqueName('team');
  let cluster: ClusterUnderTest;
  let client: KubeClient;
  let admin: ClusterUser;

  beforeAll(async () => {
    cluster = await clusterUnderTest();
    const connection = KubeConnection.load(cluster.kubeconfig, systemClock);
    client = new KubeClient(connection);
    admin = new ClusterUser(connection);
    for (const name of [own, team]) await admin.create(resources.namespaces, { metadata: { name } });
  });

  afterAll(async () => {
    for (const name of [own, team]) await admin.delete(resources.namespaces, { name });
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });

  const release = (...args: string[]) => helm([...args, '--namespace', own], { ...cluster, timeoutMs: 120_000 });

  /** Everything that bears the release's name, as kubectl names it. */
  async function ofRelease(): Promise<string[]> {
    const args = ['get', KINDS, '-A', '-o', 'name', '-l', 'app.kubernetes.io/instance=injector'];
    const { stdout } = await kubectl(args, cluster);
    return stdout.split('\n').filter((name) => name !== '');
  }

  /** Installs the chart, and leaves what the service would have made by then. */
  async function install(): Promise<void> {
    expect(await release('install', 'injector', CHART)).toMatchObject({ code: 0 });
    await admin.apply<Secret>(resources.secrets, secretAt(`${own}/acr-credential-injector-tokens`, {}, ours));
    await admin.apply<Secret>(resources.secrets, secretAt(`${team}/${PULL_SECRET}`, {}, ours));
    await admin.apply<ServiceAccount>(
      resources.serviceAccounts,
      serviceAccountAt(`${team}/app`, ['mine', PULL_SECRET]),
    );
  }

  async function uninstall(run: Run): Promise<CommandResult> {
    const [result] = await Promise.all([release('uninstall', 'injector', '--timeout', '100s'), runJob(run)]);
    return result;
  }

  async function runJob(run: Run): Promise<void> {
    const firstJob = async () => (await client.list<Job>(jobs, { namespace: own })).items[0];
    const job = await eventually(firstJob, { withinMs: 60_000 });
    const code = await run(flagsOf(job.spec.template.spec.containers[0].args));
    const [type, count] = code === 0 ? (['Complete', 'succeeded'] as const) : (['Failed', 'failed'] as const);
    const status = { [count]: 1, conditions: [{ type, status: 'True', reason: 'Test', message: 'ended' }] };
    const args = ['patch', 'job', CLEANUP, '-n', own, '--subresource=status', '--type=merge', '-p'];
    expect(await kubectl([...args, JSON.stringify({ status })], cluster)).toMatchObject({ code: 0 });
  }

  /** With the rights of the Job's ServiceAccount, and no others. */
  const cleanUp: Run = async (flags) => {
    const kubeconfig = await cleanupKubeconfig();
    const { code, logs } = await runCommand('cleanup', { ...flags, kubeconfig, namespace: own });
    await rm(dirname(kubeconfig), { recursive: true });
    expect(logs.filter(({ level }) => level !== 'info')).toEqual([]);
    return code;
  };

  async function cleanupKubeconfig(): Promise<string> {
    if (!cluster.sandbox) return kubeconfigOf({ namespace: own, name: CLEANUP }, cluster.kubeconfig);
    const path = join(await mkdtemp(join(tmpdir(), 'acr-credential-injector-user-')), 'kubeconfig');
    await writeFile(path, cluster.sandbox.kubeconfig(`system:serviceaccount:${own}:${CLEANUP}`), { mode: 0o600 });
    return path;
  }

  it('takes everything away: the release, what the service made, and what took it away', patience, async () => {
    await install();
    const { code, stderr } = await uninstall(cleanUp);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await ofRelease()).toEqual([]);
    const byLabel = { labelSelector: `${MANAGED_BY}=acr-credential-injector` };
    expect((await client.list<Secret>(resources.secrets, byLabel)).items).toEqual([]);
    const { items: leases } = await client.list(resources.leases, { namespace: own });
    expect(leases).toEqual([]);
    const app = await client.get<ServiceAccount>(resources.serviceAccounts, refAt(`${team}/app`));
    expect(app.imagePullSecrets).toEqual([{ name: 'mine' }]);
  });

  it('ends all the same where the clean-up fails, and says so', patience, async () => {
    await install();
    const { code, stderr } = await uninstall(() => Promise.resolve(1));
    expect(code).toBe(1);
    expect(stderr).toContain(CLEANUP);
    expect(await ofRelease()).toEqual([]);
    expect((await release('list', '--all', '-q')).stdout.trim()).toBe('');
    await admin.delete(resources.secrets, refAt(`${team}/${PULL_SECRET}`));
  });
});
