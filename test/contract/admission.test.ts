import { describe, expect, it } from 'vitest';
import type { Pod, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from './change-recorder.ts';
import { eventually } from './eventually.ts';
import { PodWitness } from './pod-witness.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { useTestBed } from './test-bed.ts';
import { deployment, namesIn, pod, PUBLIC_IMAGE, serviceAccount } from './workloads.ts';

describe('with the webhook on', () => {
  const bed = useTestBed();

  it('a ServiceAccount has the reference in the very answer to its creation', async () => {
    const namespace = await bed.namespace();
    const account = serviceAccount({ namespace, name: 'builder' });
    const created = await bed.user.create(resources.serviceAccounts, account);
    expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
  });

  it('a Pod created at once after its namespace and ServiceAccount finds a live Secret at the moment it exists', async () => {
    await using witness = await PodWitness.of(bed);
    for (let round = 0; round < 5; round++) {
      const namespace = await bed.namespace();
      await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'fresh' }));
      const created = await bed.user.create(
        resources.pods,
        pod({ namespace, name: 'first' }, { serviceAccountName: 'fresh' }),
      );
      expect(namesIn(created.spec?.imagePullSecrets)).toEqual([PULL_SECRET]);
    }
    const births = await eventually(async () => {
      const so = (await witness.births()).filter((birth) => birth.pod.metadata.name === 'first');
      return so.length === 5 && so;
    });
    expect(births.map((birth) => birth.isLive)).toEqual([true, true, true, true, true]);
  });

  it('a Deployment made together with its namespace and ServiceAccount has Pods that find a live Secret', async () => {
    await using witness = await PodWitness.of(bed);
    const namespaces = [bed.nextTarget(), bed.nextTarget(), bed.nextTarget()];
    for (const namespace of namespaces) {
      await bed.namespace(namespace);
      await Promise.all([
        bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'app' })),
        bed.user.create(
          resources.deployments,
          deployment({ namespace, name: 'app' }, { serviceAccountName: 'app' }, 3),
        ),
      ]);
    }
    const births = await eventually(async () => {
      const ours = (await witness.births()).filter(({ pod: born }) =>
        namespaces.includes(born.metadata.namespace ?? ''),
      );
      return ours.length === 9 && ours;
    });
    expect(births.map(({ pod: born }) => namesIn(born.spec?.imagePullSecrets))).toEqual(
      births.map(() => [PULL_SECRET]),
    );
    expect(births.map(({ isLive }) => isLive)).toEqual(births.map(() => true));
  });

  it('a Pod with a list of its own keeps it in order and has ours at the end, with a warning that says so', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'own-list' }));
    const own = { serviceAccountName: 'own-list', imagePullSecrets: [{ name: 'zeta' }, { name: 'alpha' }] };
    const created = await bed.user.create(resources.pods, pod({ namespace, name: 'own-list' }, own));
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual(['zeta', 'alpha', PULL_SECRET]);
    expect(bed.user.warnings.at(-1)).toContain(PULL_SECRET);
  });

  it('a Pod that already has the reference is left as it is', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'aware' }));
    const own = { serviceAccountName: 'aware', imagePullSecrets: [{ name: PULL_SECRET }, { name: 'other' }] };
    const created = await bed.user.create(resources.pods, pod({ namespace, name: 'aware' }, own));
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual([PULL_SECRET, 'other']);
  });

  it('a Pod none of whose images is managed is left as it is', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'public' }));
    const containers = [{ name: 'main', image: PUBLIC_IMAGE }];
    const own = { serviceAccountName: 'public', imagePullSecrets: [{ name: 'mine' }], containers };
    const created = await bed.user.create(resources.pods, pod({ namespace, name: 'public' }, own));
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual(['mine']);
  });

  it('a Pod whose only managed image is that of an init container has the reference', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'init' }));
    const containers = [{ name: 'main', image: PUBLIC_IMAGE }];
    const initContainers = pod({ namespace, name: 'init' }).spec?.containers?.map((each) => ({
      ...each,
      name: 'init',
    }));
    const own = { serviceAccountName: 'init', imagePullSecrets: [{ name: 'mine' }], containers, initContainers };
    const created = await bed.user.create(resources.pods, pod({ namespace, name: 'init' }, own));
    expect(namesIn(created.spec?.imagePullSecrets)).toEqual(['mine', PULL_SECRET]);
  });

  it('a ServiceAccount that is replaced without the entry has it again in the answer', async () => {
    const namespace = await bed.servedNamespace();
    const account = serviceAccount({ namespace, name: 'replaced' }, ['mine']);
    await bed.user.create(resources.serviceAccounts, account);
    const replaced = await bed.user.replace(resources.serviceAccounts, account);
    expect(namesIn(replaced.imagePullSecrets)).toEqual(['mine', PULL_SECRET]);
  });

  it('a ServiceAccount that is applied without the entry, again and again, has it each time and never conflicts', async () => {
    const namespace = await bed.servedNamespace();
    const helm = { fieldManager: 'helm' };
    for (const list of [['mine'], ['mine'], ['mine', 'another'], []]) {
      const account = serviceAccount({ namespace, name: 'applied' }, list);
      const applied = await bed.user.apply(resources.serviceAccounts, account, helm);
      expect(namesIn(applied.imagePullSecrets)).toEqual([...list, PULL_SECRET]);
    }
  });

  it('a dry run shows the reference and writes nothing', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'real' }));
    await using secrets = await ChangeRecorder.start(bed.client, resources.secrets, { namespace });
    const dryRun = { dryRun: true };
    const account = serviceAccount({ namespace, name: 'imagined' });
    const shown = await bed.user.create<ServiceAccount>(resources.serviceAccounts, account, dryRun);
    const imagined = pod({ namespace, name: 'imagined' }, { serviceAccountName: 'real' });
    const shownPod = await bed.user.create<Pod>(resources.pods, imagined, dryRun);
    expect(namesIn(shown.imagePullSecrets)).toEqual([PULL_SECRET]);
    expect(namesIn(shownPod.spec?.imagePullSecrets)).toEqual([PULL_SECRET]);

    await secrets.caughtUpWith(await bed.user.create(resources.secrets, { metadata: { namespace, name: 'marker' } }));
    expect(await bed.find(resources.serviceAccounts, { namespace, name: 'imagined' })).toBeUndefined();
    expect(secrets.of(`${namespace}/${PULL_SECRET}`)).toEqual([]);
  });

  it('says nothing on its outputs but lines of its log', () => {
    expect(bed.service.stray).toEqual([]);
  });
});
