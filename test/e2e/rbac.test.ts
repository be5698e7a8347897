import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeEvent, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { PodWitness } from '../contract/pod-witness.ts';
import { loginsOf, PULL_SECRET } from '../contract/pull-secret-check.ts';
import { PROMISED_MS, REGISTRATION, useTestBed } from '../contract/test-bed.ts';
import { namesIn, serviceAccount } from '../contract/workloads.ts';
import { render } from '../chart/render-chart.ts';
import { DEMO, installDemo } from './demo-chart.ts';
import { kubectl } from './kubectl-tools.ts';
import { kubeconfigOf } from './limited-user.ts';

const NAME = 'acr-credential-injector';
const RIGHTS = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];
const within = { withinMs: PROMISED_MS };

/** The rights that the chart gives the service, and whom it gives them to, as a list that kubectl understands. */
async function rightsOfChart(): Promise<string> {
  const objects = await render({ namespace: NAME });
  const items = objects.filter(({ kind }) => RIGHTS.includes(kind));
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

describe('with the rights that the chart grants and no others', () => {
  let kubeconfig = '';
  const bed = useTestBed({
    ownNamespace: NAME,
    configMap: 'kube-system/acr-configuration',
    tokenLifeMs: 20_000,
    flags: { 'owner-cluster-role': NAME },
    serviceKubeconfig: async (administrator) => {
      const input = await rightsOfChart();
      const { code, stderr } = await kubectl(['apply', '-f', '-'], { kubeconfig: administrator, input });
      expect({ code, stderr }).toMatchObject({ code: 0 });
      return (kubeconfig = await kubeconfigOf({ namespace: NAME, name: NAME }, administrator));
    },
  });

  afterAll(async () => {
    const given = { kubeconfig: bed.cluster.kubeconfig, input: await rightsOfChart() };
    await kubectl(['delete', '--ignore-not-found', '-f', '-'], given);
    await rm(dirname(kubeconfig), { recursive: true });
  });

  it('a chart is served at its installation', async () => {
    const namespace = bed.nextTarget();
    await using witness = await PodWitness.of(bed);
    await installDemo({ kubeconfig: bed.cluster.kubeconfig, namespace: bed.foresee(namespace) });
    const birth = await eventually(async () => {
      const births = await witness.births();
      return births.find(({ pod }) => pod.metadata.namespace === namespace);
    });
    expect(namesIn(birth.pod.spec?.imagePullSecrets)).toEqual([PULL_SECRET]);
    expect(birth.isLive).toBe(true);
  });

  it('a namespace is served without the webhook, too, and let go', async () => {
    await bed.configure({ 'webhook-configuration': 'enable: false' });
    await eventually(
      async () => (await bed.find(resources.mutatingWebhookConfigurations, { name: REGISTRATION })) === undefined,
      within,
    );
    const namespace = await bed.namespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: DEMO }, ['mine']));
    await bed.servedWithin(namespace);
    const list = () => bed.pullSecretsOf(namespace, DEMO);
    await eventually(async () => (await list()).includes(PULL_SECRET), within);
    await bed.configure({ 'watch-namespace': 'somewhere-else' });
    await eventually(async () => (await bed.pullSecret(namespace)) === undefined, within);
    expect(await list()).toEqual(['mine']);
    await bed.configure();
    await bed.servedWithin(namespace);
  });

  it('tokens are renewed, and the tokens Secret is written again when it goes', async () => {
    const namespace = await bed.servedNamespace();
    const issued = bed.cloud.issuedTokens.length;
    const renewed = await eventually(() => bed.cloud.issuedTokens[issued], { withinMs: 20_000 });
    await eventually(async () => {
      const logins = Object.values(loginsOf(await bed.servedWithin(namespace)));
      return logins.every(({ password }) => password === renewed.password);
    }, within);
    const ref = { namespace: NAME, name: 'acr-credential-injector-tokens' };
    await bed.user.delete(resources.secrets, ref);
    await eventually(() => bed.find<Secret>(resources.secrets, ref), within);
  });

  it('an Event about the configuration is written', async () => {
    await bed.configure({ 'watch-namespace': 'Not_A_Name' });
    await eventually(async () => {
      const { items } = await bed.client.list<KubeEvent>(resources.events, { namespace: 'kube-system' });
      return items.some(
        ({ reason, involvedObject }) =>
          reason === 'InvalidConfiguration' && involvedObject.name === 'acr-configuration',
      );
    }, within);
    await bed.configure();
  });

  it('a restart finds everything that it needs', async () => {
    await bed.service.restart();
    await bed.service.ready();
    await bed.servedNamespace();
  });

  it('the self-test passes', async () => {
    await eventually(async () => (await bed.service.metric('self_test_success')) === 1);
  });

  it('nothing that the service asked for was forbidden', () => {
    const forbidden = bed.service.logs.filter(
      ({ error }) => error?.code === 'Forbidden' || error?.message.includes(' 403 '),
    );
    expect(forbidden).toEqual([]);
  });

  it('no other Secret can be read, listed or written', async () => {
    const limited = new KubeClient(KubeConnection.load(kubeconfig, systemClock));
    const namespace = await bed.servedNamespace();
    const other = { namespace, name: 'other' };
    await bed.user.create<Secret>(resources.secrets, { metadata: other });
    const forbidden = { status: 403 };
    await expect(limited.get(resources.secrets, other)).rejects.toMatchObject(forbidden);
    await expect(limited.list(resources.secrets)).rejects.toMatchObject(forbidden);
    await expect(limited.list(resources.secrets, { namespace })).rejects.toMatchObject(forbidden);
    await expect(limited.apply<Secret>(resources.secrets, { metadata: other })).rejects.toMatchObject(forbidden);
    await expect(limited.delete(resources.secrets, other)).rejects.toMatchObject(forbidden);
    await limited.close();
  });

  it('the registration goes with its ClusterRole, whatever becomes of the service', async () => {
    await eventually(() => bed.find(resources.mutatingWebhookConfigurations, { name: REGISTRATION }), within);
    await bed.service.kill();
    await bed.user.delete(resources.clusterRoles, { name: NAME });
    await eventually(
      async () => (await bed.find(resources.mutatingWebhookConfigurations, { name: REGISTRATION })) === undefined,
      { withinMs: 30_000 },
    );
  });
});
