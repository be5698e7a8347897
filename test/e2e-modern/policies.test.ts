import { describe, expect, inject, it } from 'vitest';
import type { MutatingWebhookConfiguration, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { PROMISED_MS, REGISTRATION, type TestBed, useTestBed } from '../contract/test-bed.ts';
import { namesIn, pod, PUBLIC_IMAGE, serviceAccount } from '../contract/workloads.ts';
import { DEMO, DEMO_CHART } from '../e2e/demo-chart.ts';
import { helm } from '../e2e/kubectl-tools.ts';

const kind = resources.mutatingWebhookConfigurations;
const ref = { name: REGISTRATION };
const within = { withinMs: PROMISED_MS };
const foreign = { containers: [{ name: 'main', image: PUBLIC_IMAGE }] };

const registration = (bed: TestBed) => bed.find<MutatingWebhookConfiguration>(kind, ref);
const entriesOf = (bed: TestBed) =>
  eventually(async () => {
    const stored = await registration(bed);
    return stored?.webhooks;
  }, within);

/** The list of a ServiceAccount that is created now; undefined: it was refused because nobody answered. */
async function listOfNewAccount(bed: TestBed, namespace: string, name: string): Promise<unknown[] | undefined> {
  try {
    const created = await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name }));
    return namesIn(created.imagePullSecrets);
  } catch (error) {
    expect(error).toMatchObject({ status: 500 });
    return undefined;
  }
}

/** Who refused, and why. */
const refusal = /failed calling webhook "serviceaccount-create\.acr-credential-injector[^"]*".*connection refused/s;

describe('while the service is away', () => {
  const bed = useTestBed({ configuration: { 'webhook-configuration': 'enable: true\ntimeout-seconds: 2\n' } });

  it('`Ignore` lets everything be created as it is', async () => {
    const namespace = await bed.servedNamespace();
    await bed.service.kill();
    expect(await listOfNewAccount(bed, namespace, 'a')).toEqual([]);
    const created = await bed.user.create(resources.pods, pod({ namespace, name: 'a' }));
    expect(created.spec?.imagePullSecrets ?? []).toEqual([]);
    await bed.service.start();
    await bed.service.ready();
  });

  it('`Fail` refuses what would come to it, a `helm install` included, and nothing else', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'before' }));
    await bed.enforce({ 'webhook-configuration': 'enable: true\nfailure-policy: Fail\ntimeout-seconds: 2\n' });
    await eventually(async () => (await entriesOf(bed)).some(({ failurePolicy }) => failurePolicy === 'Fail'), within);
    // Registrations reach the API server's admission a moment after they are written.
    await bed.service.kill();
    await eventually(async () => (await listOfNewAccount(bed, namespace, crypto.randomUUID())) === undefined);
    await expect(bed.user.create(resources.pods, pod({ namespace, name: 'a' }))).rejects.toMatchObject({ status: 500 });

    const free = [
      pod({ namespace, name: 'foreign' }, foreign),
      pod({ namespace, name: 'opted-out', labels: { 'acr-credential-injector/inject': 'false' } }),
      pod({ namespace, name: 'ours', labels: { 'app.kubernetes.io/name': 'acr-credential-injector' } }),
      pod({ namespace: bed.ownNamespace, name: 'elsewhere' }),
    ];
    for (const object of free) await bed.user.create(resources.pods, object);
    // An UPDATE is never refused: it would hold namespaces in Terminating.
    const labels = { metadata: { labels: { edited: 'true' } } };
    await bed.user.merge(resources.serviceAccounts, { namespace, name: 'before' }, labels);

    const install = ['upgrade', '--install', DEMO, DEMO_CHART, '--namespace', namespace];
    const { code, stderr } = await helm(install, { kubeconfig: inject('kubeconfig') });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(refusal) as string });

    await bed.service.start();
    await bed.service.ready();
    expect(await listOfNewAccount(bed, namespace, 'after')).toEqual([PULL_SECRET]);
    expect(await helm(install, { kubeconfig: inject('kubeconfig') })).toMatchObject({ code: 0 });
    const installed = await bed.client.get<ServiceAccount>(resources.serviceAccounts, { namespace, name: DEMO });
    expect(namesIn(installed.imagePullSecrets)).toEqual([PULL_SECRET]);
  });
});

describe('the registration', () => {
  const bed = useTestBed();

  it('goes and comes with `enable`, and changes with the policy, each within the time that is promised', async () => {
    const first = await entriesOf(bed);
    await bed.configure({ 'webhook-configuration': 'enable: false' });
    await eventually(async () => (await registration(bed)) === undefined, within);
    await bed.configure({ 'webhook-configuration': 'enable: true\nfailure-policy: Fail\n' });
    const policies = (await entriesOf(bed)).map(({ name, failurePolicy }) => `${name.split('.')[0]} ${failurePolicy}`);
    expect(policies).toEqual([
      'serviceaccount-create Fail',
      'serviceaccount-update Ignore',
      'pod-create Fail',
      'self-test Ignore',
    ]);
    await bed.configure();
    await eventually(async () => JSON.stringify((await registration(bed))?.webhooks) === JSON.stringify(first), within);
  });

  it.each([
    ['is deleted', undefined],
    ['loses its conditions', { matchConditions: [] }],
    ['is given conditions of somebody else', { matchConditions: [{ name: 'never', expression: 'false' }] }],
    ['loses its namespaces', { namespaceSelector: {} }],
  ])('is repaired within the time that is promised when it %s', async (_, change) => {
    const stored = await eventually(async () => {
      const found = await registration(bed);
      return found?.webhooks?.some(({ matchConditions = [] }) => matchConditions.length > 0) && found;
    });
    const before = JSON.stringify(stored.webhooks);
    if (!change) await bed.user.delete(kind, ref);
    else {
      const { managedFields, ...metadata } = stored.metadata;
      expect(managedFields).toBeDefined();
      const webhooks = stored.webhooks?.map((each) => ({ ...each, ...change }));
      await bed.user.replace(kind, { ...stored, metadata, webhooks });
    }
    await eventually(async () => JSON.stringify((await registration(bed))?.webhooks) === before, within);
  });

  it('that nobody touches is written no more', async () => {
    const { resourceVersion } = (await registration(bed))?.metadata ?? {};
    // Whatever makes the service look again: a Secret's tokens, an edit of what the registration does not depend on.
    await bed.enforce({ 'expiring-threshold': '10m' });
    await bed.servedNamespace();
    await bed.enforce();
    expect((await registration(bed))?.metadata.resourceVersion).toBe(resourceVersion);
  });
});
