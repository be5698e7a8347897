import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { MutatingWebhookConfiguration, Pod, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { runAtOnce } from '../contract/run-at-once.ts';
import { REGISTRATION } from '../contract/test-bed.ts';
import { uniqueName } from '../contract/unique-name.ts';
import { namesIn, pod, serviceAccount } from '../contract/workloads.ts';
import { shell } from '../e2e/kubectl-tools.ts';
import { DEMO } from '../e2e/demo-chart.ts';
import { expectDone, OWN_NAMESPACE, patiently, RELEASE, useNodeBed, VERSION } from './node-bed.ts';

const INSTALLS = Math.ceil(Number(process.env.INSTALLS ?? 20) / 4);
const EVERY_MS = 100;

describe('a service that is disturbed', () => {
  const bed = useNodeBed();

  beforeAll(() => bed().install());

  /**
   * Creates ServiceAccounts and Pods one after another until `act` is done. (The Pods are for no node: what is asked is how they
   * are stored.) @returns what was created without the reference, and how much in all
   */
  async function creatingWhile(act: () => Promise<void>): Promise<{ created: number; missed: string[] }> {
    const namespace = uniqueName('stream');
    await bed().user.create(resources.namespaces, { metadata: { name: namespace } });
    await bed().pullSecret(namespace);
    const disturbance = { isOver: false };
    const acting = act().finally(() => (disturbance.isOver = true));
    const missed: string[] = [];
    let created = 0;
    for (; !disturbance.isOver || created < 20; created += 2) {
      const meta = { namespace, name: `created-${created}` };
      const account = await bed().user.create<ServiceAccount>(resources.serviceAccounts, serviceAccount(meta));
      if (!namesIn(account.imagePullSecrets).includes(PULL_SECRET)) missed.push(`ServiceAccount ${meta.name}`);
      const nowhere = { ...pod(meta).spec, schedulerName: 'nobody' };
      const made = await bed().user.create<Pod>(resources.pods, { metadata: meta, spec: nowhere });
      if (!namesIn(made.spec?.imagePullSecrets).includes(PULL_SECRET)) missed.push(`Pod ${meta.name}`);
      await sleep(EVERY_MS);
    }
    await acting;
    await bed().user.delete(resources.namespaces, { name: namespace });
    return { created, missed };
  }

  it('misses no creation while `helm upgrade` replaces its image', async () => {
    const registry = inject('openRegistry');
    const [image, next] = [VERSION, 'next'].map((tag) => `${registry}/${RELEASE}:${tag}`);
    const push = await shell(`docker tag ${image} ${next} && docker push ${next}`, bed(), [inject('docker')]);
    expectDone(push);
    const { created, missed } = await creatingWhile(async () => {
      expectDone(await bed().upgrade('image.tag=next'));
      await bed().rolledOut();
      await eventually(async () => (await bed().serviceCount()) === 2, patiently); // the old ones are gone
    });
    console.log(`${created} objects created during the upgrade, ${missed.length} without the reference`);
    expect(missed).toEqual([]);
  });

  // Below Kubernetes 1.21 `Fail` is registered as `Ignore`; how it refuses is shown on current API machinery.
  it.each(['Ignore', 'Fail'])(
    'with failure-policy %s, its Pods killed: no install is refused, and all heal',
    async (policy) => {
      const settings = `enable: true\nfailure-policy: ${policy}\n`;
      const ref = { namespace: OWN_NAMESPACE, name: 'acr-configuration' };
      await bed().user.merge(resources.configMaps, ref, { data: { 'webhook-configuration': settings } });
      const namespaces = Array.from({ length: INSTALLS }, () => uniqueName('disturbed'));
      const kill = ['delete', 'pods', '-n', OWN_NAMESPACE, '-l', `app.kubernetes.io/name=${RELEASE}`];
      expectDone(await bed().kubectl(...kill, '--force', '--grace-period=0'));
      await runAtOnce(3, namespaces, async (namespace) => bed().installDemo(namespace, await bed().push(namespace)));
      await bed().rolledOut();
      let missed = 0;
      for (const namespace of namespaces) {
        await eventually(async () => namesIn(await listOf(namespace)).includes(PULL_SECRET), patiently);
        const [born] = await bed().pods(namespace);
        if (!namesIn(born?.spec?.imagePullSecrets).includes(PULL_SECRET)) {
          missed += 1; // nothing can be added to a Pod that exists: it is healed by its controller making another
          expectDone(await bed().kubectl('delete', 'pods', '--all', '-n', namespace, '--force', '--grace-period=0'));
        }
        await bed().running(namespace);
      }
      console.log(`${policy}: ${INSTALLS} installs while the service was away, ${missed} Pods were made anew`);
      const { webhooks } = await bed().client.get<MutatingWebhookConfiguration>(
        resources.mutatingWebhookConfigurations,
        {
          name: REGISTRATION,
        },
      );
      expect(new Set(webhooks?.map(({ failurePolicy }) => failurePolicy))).toEqual(new Set(['Ignore']));
    },
  );

  async function listOf(namespace: string): Promise<ServiceAccount['imagePullSecrets']> {
    const ref = { namespace, name: DEMO };
    return (await bed().client.get<ServiceAccount>(resources.serviceAccounts, ref)).imagePullSecrets;
  }
});
