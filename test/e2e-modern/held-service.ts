import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { modern, render } from '../chart/render-chart.ts';
import { kubectl } from '../e2e/kubectl-tools.ts';

/** What the API server says to whom a policy of the chart refuses something. */
export const refused = {
  status: 403,
  message: expect.stringMatching(/ValidatingAdmissionPolicy .* denied request: acr-credential-injector /) as string,
};

/** Puts the chart's policies in force for the service of that namespace. */
export async function applyPolicies(kubeconfig: string, namespace: string, values: object = {}): Promise<void> {
  const objects = await render({ ...modern, namespace, values });
  const items = objects.filter(({ kind }) => kind.startsWith('Validating'));
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  expect(await kubectl(['apply', '-f', '-'], { kubeconfig, input })).toMatchObject({ code: 0 });
}

export async function removePolicies(kubeconfig: string): Promise<void> {
  const kinds = 'validatingadmissionpolicybinding,validatingadmissionpolicy';
  await kubectl(['delete', kinds, '-l', 'app.kubernetes.io/instance=injector'], { kubeconfig });
}

/** Writes a kubeconfig of the service's identity, with every right, and resolves to its path in a folder of its own. */
export async function serviceKubeconfig(administrator: string, namespace: string): Promise<string> {
  const config = new KubeConfig();
  config.loadFromFile(administrator);
  const impersonateUser = `system:serviceaccount:${namespace}:acr-credential-injector`;
  config.users = config.users.map((user) => ({ ...user, impersonateUser }));
  const path = join(await mkdtemp(join(tmpdir(), 'acr-credential-injector-policy-')), 'kubeconfig');
  await writeFile(path, config.exportConfig(), { mode: 0o600 });
  return path;
}
