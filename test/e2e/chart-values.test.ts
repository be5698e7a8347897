import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { eventually } from '../contract/eventually.ts';
import { uniqueName } from '../contract/unique-name.ts';
import { CHART } from '../chart/render-chart.ts';
import { valueSets } from '../chart/value-sets.ts';
import { helm, kubectl, type CommandResult } from './kubectl-tools.ts';

const kubeconfig = inject('kubeconfig');
const namespace = uniqueName('chart');
/** What sets of values take for granted. */
const surroundings = [
  ...[namespace, 'platform', 'team-a', 'team-b'].map((name) => ({
    ...{ apiVersion: 'v1', kind: 'Namespace' },
    metadata: { name },
  })),
  { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'platform-critical' }, value: 1 },
  certManagerDefinition('Certificate'),
  certManagerDefinition('Issuer'),
];

/** By its name alone: no schema of cert-manager's is here, so that what its objects say is not looked at. */
function certManagerDefinition(kind: string): object {
  const [group, plural] = ['cert-manager.io', `${kind.toLowerCase()}s`];
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      ...{ group, scope: 'Namespaced', names: { kind, plural } },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}

const list = (items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

/** Server-side apply, as Helm does it, which refuses a field that the API server's schemas do not have. */
function tryOut(manifests: string): Promise<CommandResult> {
  const args = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--filename', '-'];
  return kubectl(args, { kubeconfig, input: manifests });
}

/** Everything that the chart has for this API server and its version, hooks included. */
async function renderFor(values: object): Promise<string> {
  const args = ['template', 'injector', CHART, '--namespace', namespace, '--values', '-', '--dry-run=server'];
  const { stdout, stderr, code } = await helm(args, { kubeconfig, input: JSON.stringify(values) });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

describe("what the chart renders for this API server, by that server's own schemas", () => {
  beforeAll(async () => {
    expect(await kubectl(['apply', '-f', '-'], { kubeconfig, input: list(surroundings) })).toMatchObject({ code: 0 });
    // A Pod is not taken before its namespace has a ServiceAccount, nor an object before the server knows its kind.
    await eventually(async () => (await tryOut(await renderFor({ certManager: { enabled: true } }))).code === 0, {
      withinMs: 60_000,
    });
  });

  afterAll(async () => {
    await kubectl(['delete', '--wait=false', '-f', '-'], { kubeconfig, input: list(surroundings) });
  });

  it.each(Object.entries(valueSets))('is accepted as a whole with the values of %s', async (_, values) => {
    const { stdout, stderr, code } = await tryOut(await renderFor(values));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').length).toBeGreaterThan(8);
  });

  it('would not be with a field that there is not', async () => {
    const manifests = await renderFor({});
    const { code, stderr } = await tryOut(manifests.replace('maxSurge: 1', 'maxSurge: 1\n      maxSurges: 1'));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('maxSurges') as string });
  });
});
