import { describe, expect, it } from 'vitest';
import type { MutatingWebhookConfiguration, Pod, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { REGISTRATION, useTestBed } from '../contract/test-bed.ts';
import { MANAGED_IMAGE, namesIn, pod, serviceAccount } from '../contract/workloads.ts';
import { reviewedDuring } from './reviewed.ts';

const OPTED_OUT = { 'acr-credential-injector/inject': 'false' };

describe('requests that are kept away by the selectors', () => {
  const bed = useTestBed();
  const createPod = (object: Pod) => bed.user.create(resources.pods, object);
  const createAccount = (object: ServiceAccount) => bed.user.create(resources.serviceAccounts, object);

  it('are those from namespaces that the configuration does not name', async () => {
    const namespace = await bed.namespace(bed.foreseenNamespace('other'));
    expect(await reviewedDuring(bed, 'pods', () => createPod(pod({ namespace, name: 'a' })))).toBe(0);
    expect(
      await reviewedDuring(bed, 'serviceaccounts', () => createAccount(serviceAccount({ namespace, name: 'a' }))),
    ).toBe(0);
  });

  it('are those from namespaces that are opted out', async () => {
    const namespace = await bed.namespace(bed.nextTarget(), OPTED_OUT);
    expect(await reviewedDuring(bed, 'pods', () => createPod(pod({ namespace, name: 'a' })))).toBe(0);
  });

  it('are those about objects that are opted out, and about our own Pods', async () => {
    const namespace = await bed.servedNamespace();
    const ours = { 'app.kubernetes.io/name': 'acr-credential-injector' };
    for (const [index, labels] of [OPTED_OUT, ours].entries()) {
      const object = pod({ namespace, name: `p-${index}`, labels });
      expect(await reviewedDuring(bed, 'pods', () => createPod(object))).toBe(0);
    }
    const object = serviceAccount({ namespace, name: 'a', labels: OPTED_OUT });
    expect(await reviewedDuring(bed, 'serviceaccounts', () => createAccount(object))).toBe(0);
  });

  it('are not those from namespaces that the configuration names', async () => {
    const namespace = await bed.servedNamespace();
    expect(await reviewedDuring(bed, 'pods', () => createPod(pod({ namespace, name: 'a' })))).toBeGreaterThan(0);
  });

  it('are not a ServiceAccount that takes part again: the API server compares the old one, too', async () => {
    const namespace = await bed.servedNamespace();
    await createAccount(serviceAccount({ namespace, name: 'back', labels: OPTED_OUT }));
    const patch = { metadata: { labels: { 'acr-credential-injector/inject': null } } };
    const after = await bed.user.merge<ServiceAccount>(resources.serviceAccounts, { namespace, name: 'back' }, patch);
    expect(namesIn(after.imagePullSecrets)).toEqual([PULL_SECRET]);
  });
});

describe('a dry run', () => {
  const bed = useTestBed();

  it('shows what would be, and leaves nothing behind', async () => {
    const namespace = await bed.servedNamespace();
    const account = serviceAccount({ namespace, name: 'dry' });
    const shown = await bed.user.create(resources.serviceAccounts, account, { dryRun: true });
    expect(namesIn(shown.imagePullSecrets)).toEqual([PULL_SECRET]);
    const shownPod = await bed.user.create(resources.pods, pod({ namespace, name: 'dry' }), { dryRun: true });
    expect(namesIn(shownPod.spec?.imagePullSecrets)).toEqual([PULL_SECRET]);
    expect(await bed.find(resources.serviceAccounts, { namespace, name: 'dry' })).toBeUndefined();
    expect(await bed.find(resources.pods, { namespace, name: 'dry' })).toBeUndefined();
  });
});

describe('the self-test entry', () => {
  const bed = useTestBed();
  const selfTest = (namespace: string, name: string) =>
    serviceAccount({ namespace, name, labels: { 'acr-credential-injector/self-test': 'true' } });

  it('is one of its own, for the own namespace, that never refuses', async () => {
    const stored = await bed.client.get<MutatingWebhookConfiguration>(resources.mutatingWebhookConfigurations, {
      name: REGISTRATION,
    });
    const entry = stored.webhooks?.find(({ name }) => name.startsWith('self-test.'));
    expect(entry).toMatchObject({ failurePolicy: 'Ignore', sideEffects: 'NoneOnDryRun' });
    expect(entry?.namespaceSelector?.matchExpressions).toEqual([
      { key: 'kubernetes.io/metadata.name', operator: 'In', values: [bed.ownNamespace] },
    ]);
  });

  it('is what the service asks itself through', async () => {
    await eventually(async () => (await bed.service.metric('self_test_success')) === 1);
  });

  it('takes no ServiceAccount with its label out of admission: in a target it is served like any other', async () => {
    const namespace = await bed.servedNamespace();
    const shown = (account: ServiceAccount) => bed.user.create(resources.serviceAccounts, account, { dryRun: true });
    expect(namesIn((await shown(selfTest(namespace, 'a'))).imagePullSecrets)).toEqual([PULL_SECRET]);
    expect(namesIn((await shown(selfTest(bed.ownNamespace, 'a'))).imagePullSecrets)).toEqual([]);
  });
});

describe('with every namespace watched', () => {
  const bed = useTestBed({ configuration: { 'watch-namespace': 'all' } });

  it('nothing comes from the namespaces of the cluster or from our own', async () => {
    for (const namespace of ['kube-system', bed.ownNamespace]) {
      // It stays: this API server does not let it be deleted.
      await bed.user.create(resources.namespaces, { metadata: { name: namespace } }).catch(() => undefined);
      const object = pod({ namespace, name: 'system' }, { containers: [{ name: 'main', image: MANAGED_IMAGE }] });
      expect(await reviewedDuring(bed, 'pods', () => bed.user.create(resources.pods, object, { dryRun: true }))).toBe(
        0,
      );
    }
  });
});
