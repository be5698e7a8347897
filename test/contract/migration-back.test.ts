import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { CHART } from '../chart/render-chart.ts';
import { helm, kubectl, shell } from '../e2e/kubectl-tools.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { PROMISED_MS, useTestBed } from './test-bed.ts';
import { serviceAccount } from './workloads.ts';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'migration.md');
const RELEASE = 'acr-credential-injector';

/** The commands of the page's "Going back" that begin with this, for another namespace than kube-system. */
async function commandsOfThePage(beginning: string, namespace: string): Promise<string[]> {
  const [, section = ''] = (await readFile(PAGE, 'utf8')).split('\n## Going back\n');
  const commands = section.split('\n').map((line) => line.trim());
  const found = commands.filter((line) => line.startsWith(`$ ${beginning} `));
  return found.map((line) => line.slice(2).replace('kube-system', namespace));
}

// The release's Pods run nowhere here: the service is the test bed's.
const bed = useTestBed();

it(
  'who goes back to the official component keeps every pull Secret and every reference',
  { timeout: 90_000 },
  async () => {
    const tools = { ...bed.cluster, timeoutMs: 60_000 };
    const namespace = await bed.servedNamespace();
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'app' }, ['mine']));
    const isAttached = async () => (await bed.pullSecretsOf(namespace, 'app')).includes(PULL_SECRET);
    await eventually(isAttached, { withinMs: PROMISED_MS });
    const before = await bed.livePullSecret(namespace);
    const install = ['install', RELEASE, CHART, '--namespace', bed.ownNamespace, '--set', 'configMap.create=false'];
    expect(await helm(install, tools)).toMatchObject({ code: 0 });
    await bed.service.kill();

    const [uninstall = 'false', ...others] = await commandsOfThePage('helm uninstall', bed.ownNamespace);
    expect(others).toEqual([]);
    const { code, stderr } = await shell(uninstall, tools);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

    expect((await helm(['list', '--all', '-q', '--namespace', bed.ownNamespace], tools)).stdout.trim()).toBe('');
    expect((await kubectl(['get', 'jobs', '-A', '-o', 'name'], tools)).stdout).toBe('');
    expect((await bed.livePullSecret(namespace))?.metadata.uid).toBe(before?.metadata.uid);
    expect(await bed.pullSecretsOf(namespace, 'app')).toEqual(['mine', PULL_SECRET]);

    for (const command of await commandsOfThePage('kubectl -n kube-system delete', bed.ownNamespace)) {
      expect(await shell(command, tools)).toMatchObject({ code: 0 });
    }
    const own = await bed.client.list(resources.secrets, { namespace: bed.ownNamespace });
    const names = own.items.map(({ metadata }) => metadata.name);
    expect(names.filter((name) => name?.startsWith(RELEASE))).toEqual([]);
    expect((await bed.client.list(resources.leases, { namespace: bed.ownNamespace })).items).toEqual([]);
    expect(await bed.livePullSecret(namespace)).toBeDefined();
  },
);
