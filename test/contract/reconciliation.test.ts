import { describe, expect, it } from 'vitest';
import { KubeApiError } from '../../src/errors.ts';
import type { ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from './eventually.ts';
import { isSandbox } from './cluster-under-test.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const within = { withinMs: PROMISED_MS };
const kind = resources.serviceAccounts;

describe('with the webhook off', () => {
  const bed = useTestBed({ configuration: { 'webhook-configuration': undefined } });

  function listBecomes(namespace: string, name: string, list: readonly string[]): Promise<true> {
    return eventually(async () => {
      expect(await bed.pullSecretsOf(namespace, name)).toEqual(list);
      return true;
    }, within);
  }

  /** Who the API server says wrote the list. */
  async function ownersOfList(namespace: string, name: string): Promise<(string | undefined)[]> {
    const { metadata } = await bed.client.get<ServiceAccount>(kind, { namespace, name });
    const owners = (metadata.managedFields ?? []).filter(({ fieldsV1 = {} }) => 'f:imagePullSecrets' in fieldsV1);
    return owners.map(({ manager }) => manager);
  }

  it('a new namespace holds a live Secret, and its ServiceAccounts have the reference, the own entries first', async () => {
    const namespace = await bed.namespace();
    await bed.user.create(kind, serviceAccount({ namespace, name: 'plain' }));
    await bed.user.create(kind, serviceAccount({ namespace, name: 'own-list' }, ['zeta', 'alpha']));
    await listBecomes(namespace, 'own-list', ['zeta', 'alpha', PULL_SECRET]);
    await listBecomes(namespace, 'plain', [PULL_SECRET]);
    await listBecomes(namespace, 'default', [PULL_SECRET]);
    expect(await bed.livePullSecret(namespace)).toBeDefined();
  });

  it('no Pod is ever refused or changed on its way in', async () => {
    expect(await bed.find(resources.mutatingWebhookConfigurations, { name: 'zz-acr-credential-injector' })).toBe(
      undefined,
    );
  });

  it('an entry that an edit drops is back, and no entry of the edit is lost', async () => {
    const namespace = await bed.servedNamespace();
    await bed.user.create(kind, serviceAccount({ namespace, name: 'edited' }, ['one']));
    await listBecomes(namespace, 'edited', ['one', PULL_SECRET]);
    await bed.user.replace(kind, serviceAccount({ namespace, name: 'edited' }, ['one', 'two']));
    await listBecomes(namespace, 'edited', ['one', 'two', PULL_SECRET]);
    await bed.user.merge(kind, { namespace, name: 'edited' }, { imagePullSecrets: null });
    await listBecomes(namespace, 'edited', [PULL_SECRET]);
  });

  it('the list is still of whoever applied it: he never meets a conflict, and what he drops goes', async () => {
    const namespace = await bed.servedNamespace();
    const helm = { fieldManager: 'helm' };
    for (const list of [['mine'], ['mine'], ['mine', 'another'], ['another'], []]) {
      const applied = await bed.user.apply(kind, serviceAccount({ namespace, name: 'released' }, list), helm);
      expect(namesIn(applied.imagePullSecrets)).toEqual(expect.arrayContaining(list));
      await listBecomes(namespace, 'released', [...list, PULL_SECRET]);
      await eventually(async () => !(await ownersOfList(namespace, 'released')).some(isService), within);
    }
  });

  it('no entry is lost while others write the same list all the time', async () => {
    const namespace = await bed.servedNamespace();
    const ref = { namespace, name: 'contended' };
    await bed.user.create(kind, serviceAccount(ref));
    const added = Array.from({ length: 20 }, (_, index) => `added-${index}`);
    for (const name of added) await append(name);
    await eventually(async () => {
      const list = await bed.pullSecretsOf(namespace, 'contended');
      expect(list.toSorted()).toEqual([...added, PULL_SECRET].sort());
      return true;
    }, within);

    /** As any careful client does: read, append, write unless somebody else was faster. Takes our entry out again. */
    async function append(name: string): Promise<void> {
      await eventually(async () => {
        const current = await bed.client.get<ServiceAccount>(kind, ref);
        const rest = (current.imagePullSecrets ?? []).filter((entry) => entry.name !== PULL_SECRET);
        return bed.user.replace(kind, { ...current, imagePullSecrets: [...rest, { name }] });
      });
    }
  });

  it.runIf(isSandbox)(
    'a list that changes between reading and writing is read again: the guard of the patch holds',
    async () => {
      const namespace = await bed.servedNamespace();
      const { sandbox } = bed.cluster;
      const patches = { verb: 'patch', resource: 'serviceaccounts', namespace, name: 'raced' } as const;
      const slow = sandbox!.faults.delay({ ...patches, userAgent: /^acr-credential-injector/ }, 200, 1);
      await bed.user.create(kind, serviceAccount({ namespace, name: 'raced' }, ['one']));
      await eventually(() => sandbox!.requests.count(patches) > 0, within);
      await bed.user.replace(kind, serviceAccount({ namespace, name: 'raced' }, ['one', 'two']));
      await listBecomes(namespace, 'raced', ['one', 'two', PULL_SECRET]);
      slow.end();
      expect(sandbox!.requests.count({ ...patches, status: 422 })).toBe(1);
    },
  );

  it('what a ServiceAccount had before is still there when the namespace is a target no longer', async () => {
    const namespace = await bed.namespace();
    await bed.user.create(kind, serviceAccount({ namespace, name: 'leaving' }, ['one', 'two']));
    await listBecomes(namespace, 'leaving', ['one', 'two', PULL_SECRET]);
    await bed.configure({ 'watch-namespace': 'somewhere-else' });
    await listBecomes(namespace, 'leaving', ['one', 'two']);
    await eventually(async () => (await bed.pullSecret(namespace)) === undefined, within);
    await eventually(async () => !(await ownersOfList(namespace, 'leaving')).some(isService), within);
    await bed.configure();
    await listBecomes(namespace, 'leaving', ['one', 'two', PULL_SECRET]);
  });

  it('a conflict is a refusal that the suite would see', async () => {
    const namespace = await bed.servedNamespace();
    const account = serviceAccount({ namespace, name: 'disputed' }, ['one']);
    await bed.user.apply(kind, account, { fieldManager: 'first' });
    const other = serviceAccount({ namespace, name: 'disputed' }, ['two']);
    const refusal = bed.user.apply(kind, other, { fieldManager: 'second' });
    await expect(refusal).rejects.toSatisfy((error) => error instanceof KubeApiError && error.status === 409);
  });
});

function isService(manager: string | undefined): boolean {
  return manager?.startsWith('acr-credential-injector') === true;
}
