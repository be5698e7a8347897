import { describe, expect, it } from 'vitest';
import { KubeApiError } from '../../src/errors.ts';
import type { ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { isSandbox } from './cluster-under-test.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { useTestBed } from './test-bed.ts';
import { serviceAccount } from './workloads.ts';

const kind = resources.serviceAccounts;
const CLIENTS = 10;
const APPENDS = 20;
/** At least; as many as find room while the clients are at it. */
const EDITS = 5;
/** What is under way at the last edit, with a conflict or two. */
const settled = { withinMs: 20_000 };

describe.each([
  ['by patches of the service', 'enable: false'],
  ['by its webhook', 'enable: true\nfailure-policy: Ignore\ntimeout-seconds: 10\n'],
])('ten clients that append to one ServiceAccount, while it is attached and detached %s', (_, webhook) => {
  const bed = useTestBed({ configuration: { 'webhook-configuration': webhook } });

  it('lose nothing, and nobody else is the owner of the list in the end', async () => {
    const namespace = await bed.servedNamespace();
    const ref = { namespace, name: 'shared' };
    const metadata = { ...ref, labels: { team: 'a' } };
    await bed.user.apply(
      kind,
      { metadata, imagePullSecrets: [{ name: 'first' }] },
      {
        fieldManager: 'helm',
      },
    );

    const appended = new AbortController();
    const clients = Array.from({ length: CLIENTS }, (_each, client) => appendAll(client));
    const appends = Promise.all(clients).finally(() => appended.abort());
    await Promise.all([appends, changeSelection(appended.signal)]);

    await eventually(async () => (await bed.pullSecretsOf(namespace, 'shared')).includes(PULL_SECRET), settled);
    const names = await bed.pullSecretsOf(namespace, 'shared');
    expect(names.toSorted()).toEqual(
      ['first', PULL_SECRET, ...Array.from({ length: CLIENTS }, (_each, client) => entriesOf(client)).flat()].sort(),
    );
    for (let client = 0; client < CLIENTS; client++) {
      const own = new Set(entriesOf(client));
      expect(names.filter((name) => own.has(name ?? ''))).toEqual([...own]);
    }
    await eventually(async () => {
      expect((await ownersOfList()).filter((owner) => owner.startsWith('acr-credential-injector'))).toEqual([]);
      return true;
    }, settled);

    /** Appends one entry after the other, as any careful client does: read, append, write unless somebody was faster. */
    async function appendAll(client: number): Promise<void> {
      for (const name of entriesOf(client)) {
        await eventually(() => append(name, `client-${client}`), { withinMs: 60_000, everyMs: 5 + client });
      }
    }

    async function append(name: string, fieldManager: string): Promise<ServiceAccount | undefined> {
      const current = await bed.client.get<ServiceAccount>(kind, ref);
      const imagePullSecrets = [...(current.imagePullSecrets ?? []), { name }];
      try {
        return await bed.user.replace(kind, { ...current, imagePullSecrets }, { fieldManager });
      } catch (error) {
        if (error instanceof KubeApiError && error.status === 409) return undefined;
        throw error;
      }
    }

    /** Takes the ServiceAccount out of the configuration and back in, until `signal` fires, and leaves it in. */
    async function changeSelection(signal: AbortSignal): Promise<void> {
      for (let edit = 1; edit <= EDITS || !signal.aborted; edit++) {
        const isSelected = edit % 2 === 0;
        await bed.configure({ 'service-account': isSelected ? '*' : 'another' });
        const isAttached = async () => (await bed.pullSecretsOf(namespace, 'shared')).includes(PULL_SECRET);
        await eventually(async () => (await isAttached()) === isSelected, settled);
      }
      await bed.configure();
    }

    async function ownersOfList(): Promise<string[]> {
      const { metadata: stored } = await bed.client.get<ServiceAccount>(kind, ref);
      const owners = (stored.managedFields ?? []).filter(({ fieldsV1 = {} }) => 'f:imagePullSecrets' in fieldsV1);
      return owners.map(({ manager = '' }) => manager);
    }
  });
});

describe.skipIf(isSandbox)('a list that is left ours by a service that died between its two patches', () => {
  const bed = useTestBed({ configuration: { 'webhook-configuration': 'enable: false' } });

  it('belongs to whoever had it before: he meets no conflict, and what he drops goes', async () => {
    const namespace = await bed.servedNamespace();
    const ref = { namespace, name: 'left' };
    const apply = (names: readonly string[]) =>
      bed.user.apply<ServiceAccount>(kind, serviceAccount(ref, names), { fieldManager: 'helm' });
    await apply(['mine', 'dropped']);
    await eventually(async () => (await bed.pullSecretsOf(namespace, 'left')).includes(PULL_SECRET), settled);
    const patch = { imagePullSecrets: ['mine', 'dropped', PULL_SECRET].map((name) => ({ name })).reverse() };
    await bed.user.merge(kind, ref, patch, { fieldManager: 'acr-credential-injector?Apply=helm' });
    await eventually(async () => {
      const { metadata } = await bed.client.get<ServiceAccount>(kind, ref);
      const owners = (metadata.managedFields ?? []).filter(({ fieldsV1 = {} }) => 'f:imagePullSecrets' in fieldsV1);
      expect(owners).toMatchObject([{ manager: 'helm', operation: 'Apply' }]);
      return true;
    }, settled);
    await apply(['mine']);
    await eventually(async () => {
      expect(await bed.pullSecretsOf(namespace, 'left')).toEqual(['mine', PULL_SECRET]);
      return true;
    }, settled);
  });
});

function entriesOf(client: number): string[] {
  return Array.from({ length: APPENDS }, (_each, index) => `client-${client}-entry-${index}`);
}
