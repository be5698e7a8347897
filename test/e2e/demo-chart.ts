import { join } from 'node:path';
import { expect } from 'vitest';
import { helm } from './kubectl-tools.ts';

export const DEMO_CHART = join(import.meta.dirname, '..', 'charts', 'demo');

/** A release of the demo chart, alone in its namespace. */
export interface DemoRelease {
  kubeconfig: string;
  namespace: string;
  /** Values, as `--set` takes them. */
  values?: Readonly<Record<string, string>>;
}

/** The release's name, and that of its Deployment and, unless values say otherwise, of its ServiceAccount. */
export const DEMO = 'demo';

/** `helm install --create-namespace`. */
export async function installDemo(release: DemoRelease): Promise<void> {
  await run(release, 'install', DEMO, DEMO_CHART, '--create-namespace');
}

/** `helm upgrade` with these values and none of before. */
export async function upgradeDemo(release: DemoRelease): Promise<void> {
  await run(release, 'upgrade', DEMO, DEMO_CHART, '--reset-values');
}

async function run({ kubeconfig, namespace, values = {} }: DemoRelease, ...args: string[]): Promise<void> {
  const settings = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const { code, stderr } = await helm([...args, '--namespace', namespace, ...settings], { kubeconfig });
  expect({ code, stderr }).toMatchObject({ code: 0 });
}
