import { describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, useTestBed } from './test-bed.ts';
import { namesIn, pod, serviceAccount } from './workloads.ts';

const optedOut = { 'acr-credential-injector/inject': 'false' };
const within = { withinMs: PROMISED_MS };

describe.each(['true', 'false'])('what opts out by its label, with the webhook enabled: %s', (enable) => {
  const bed = useTestBed({ configuration: { 'webhook-configuration': `enable: ${enable}` } });

  it('a namespace gets no Secret and none of its ServiceAccounts and Pods the reference', async () => {
    const namespace = await bed.namespace(undefined, optedOut);
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'left-alone' }));
    const own = { serviceAccountName: 'left-alone' };
    const created = await bed.user.create(resources.pods, pod({ namespace, name: 'left-alone' }, own));
    await bed.servedNamespace();
    expect(await bed.pullSecret(namespace)).toBeUndefined();
    expect(await bed.pullSecretsOf(namespace, 'left-alone')).toEqual([]);
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual([]);
  });

  it('a namespace that is labelled later loses Secret and references, and has them again without the label', async () => {
    const namespace = await bed.namespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'account' }, ['mine']));
    await bed.servedWithin(namespace);
    const list = () => bed.pullSecretsOf(namespace, 'account');
    await eventually(async () => (await list()).includes(PULL_SECRET), within);

    await bed.user.merge(resources.namespaces, { name: namespace }, { metadata: { labels: optedOut } });
    await eventually(async () => (await bed.pullSecret(namespace)) === undefined, within);
    expect(await list()).toEqual(['mine']);

    const unlabelled = { labels: { 'acr-credential-injector/inject': null } };
    await bed.user.merge(resources.namespaces, { name: namespace }, { metadata: unlabelled });
    await bed.servedWithin(namespace);
    await eventually(async () => (await list()).includes(PULL_SECRET), within);
  });

  it('a ServiceAccount keeps its list as it is, whatever that is', async () => {
    const namespace = await bed.servedNamespace();
    const meta = { namespace, name: 'private', labels: optedOut };
    const created = await bed.user.create(resources.serviceAccounts, serviceAccount(meta, ['mine']));
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'public' }));
    await eventually(async () => (await bed.pullSecretsOf(namespace, 'public')).includes(PULL_SECRET), within);
    expect(namesIn(created.imagePullSecrets)).toEqual(['mine']);
    expect(await bed.pullSecretsOf(namespace, 'private')).toEqual(['mine']);
  });

  it('a Pod keeps its list as it is', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'account' }));
    const own = { serviceAccountName: 'account', imagePullSecrets: [{ name: 'mine' }] };
    const created = await bed.user.create(resources.pods, pod({ namespace, name: 'pod', labels: optedOut }, own));
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual(['mine']);
  });
});
