import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { runCommand } from '../contract/run-command.ts';
import { REGISTRATION } from '../contract/test-bed.ts';
import { uniqueName } from '../contract/unique-name.ts';
import { namesIn } from '../contract/workloads.ts';
import { DEMO } from '../e2e/demo-chart.ts';
import { expectDone, OWN_NAMESPACE, patiently, RELEASE, type RunningPod, useNodeBed } from './node-bed.ts';

describe('`helm uninstall`', () => {
  const bed = useNodeBed();
  let team = '';
  let pods: RunningPod[] = [];

  beforeEach(async () => {
    await bed().install();
    team = uniqueName('team');
    const own = { 'serviceAccount.imagePullSecrets[0]': 'mine', 'imagePullSecrets[0]': 'theirs' };
    await bed().installDemo(team, await bed().push('1'), own);
    pods = await bed().running(team);
    expect(await listOf(DEMO)).toEqual(['mine', PULL_SECRET]);
  });

  afterEach(async () => {
    // It is not ours to take away.
    expectDone(await bed().kubectl('delete', 'secret', 'alibaba-addon-secret', '-n', OWN_NAMESPACE));
  });

  async function listOf(name: string): Promise<(string | undefined)[]> {
    const account = await bed().client.get<ServiceAccount>(resources.serviceAccounts, { namespace: team, name });
    return namesIn(account.imagePullSecrets);
  }

  /** Everything of ours that there is anywhere in the cluster, as `kind namespace/name`. */
  async function leftovers(): Promise<string[]> {
    const kinds = [
      'mutatingWebhookConfigurations',
      'secrets',
      'leases',
      'configMaps',
      'deployments',
      'clusterRoles',
      'pods',
    ] as const;
    const found: string[] = [];
    for (const kind of kinds) {
      const { items } = await bed().client.list<KubeObject>(resources[kind]);
      found.push(...items.filter(isOurs).map(({ metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`));
    }
    const { items: accounts } = await bed().client.list<ServiceAccount>(resources.serviceAccounts);
    const attached = accounts.filter(({ imagePullSecrets }) => namesIn(imagePullSecrets).includes(PULL_SECRET));
    return [...found, ...attached.map(({ metadata }) => `reference in ${metadata.namespace}/${metadata.name}`)];
  }

  /** Nothing of the service runs any more. */
  async function stopService(): Promise<void> {
    expectDone(await bed().kubectl('scale', `deployment/${RELEASE}`, '--replicas=0', '-n', OWN_NAMESPACE));
    await eventually(async () => (await bed().serviceCount()) === 0, patiently);
  }

  async function expectNothingLeft(): Promise<void> {
    await eventually(async () => {
      expect(await leftovers()).toEqual([]);
      return true;
    }, patiently);
  }

  /** The users' Pods run on as they were, and new ones are created. */
  async function expectUsersUntouched(): Promise<void> {
    expect(await listOf(DEMO)).toEqual(['mine']);
    await expectPodsUntouched();
  }

  async function expectPodsUntouched(): Promise<void> {
    const identity = ({ metadata, status }: RunningPod) => [metadata.uid, status?.containerStatuses];
    expect((await bed().running(team)).map(identity)).toEqual(pods.map(identity));
    expectDone(await bed().kubectl('scale', `deployment/${DEMO}`, '--replicas=2', '-n', team));
    await bed().running(team, 2); // the image is on the node
  }

  it('leaves nothing in any namespace, and what is of others as it was', async () => {
    expect(await leftovers()).toContain(`secrets ${team}/${PULL_SECRET}`);
    await bed().follow('Uninstall');
    await expectNothingLeft();
    await expectUsersUntouched();
  });

  it('does the same where the service is dead', async () => {
    await stopService();
    await bed().follow('Uninstall');
    await expectNothingLeft();
    await expectUsersUntouched();
  });

  it('ends, and takes the registration away, where not even the image can be had', async () => {
    expectDone(await bed().upgrade('image.tag=nowhere'));
    await stopService();
    const startedAt = performance.now();
    const { code, stderr } = await bed().helm('uninstall', RELEASE, '-n', OWN_NAMESPACE, '--timeout', '10s');
    expect(performance.now() - startedAt).toBeLessThan(60_000);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Job/${OWN_NAMESPACE}/${RELEASE}-cleanup not ready`) as string,
    });
    const { items } = await bed().client.list<KubeObject>(resources.mutatingWebhookConfigurations);
    expect(items.map(({ metadata }) => metadata.name)).not.toContain(REGISTRATION);
    await expectPodsUntouched();
    const { code: end } = await runCommand('cleanup', { kubeconfig: bed().kubeconfig, namespace: OWN_NAMESPACE });
    expect(end).toBe(0);
    await expectNothingLeft();
  });
});

const NAMES = new RegExp(`^(${RELEASE}.*|${PULL_SECRET}.*|${REGISTRATION}|acr-configuration)$`);

function isOurs({ metadata: { name = '', labels = {} } }: KubeObject | Secret): boolean {
  return (
    NAMES.test(name) ||
    labels['app.kubernetes.io/managed-by'] === RELEASE ||
    labels['app.kubernetes.io/name'] === RELEASE
  );
}
