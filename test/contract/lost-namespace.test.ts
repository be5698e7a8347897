import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { CHART } from '../chart/render-chart.ts';
import { helm, kubectl, shell } from '../e2e/kubectl-tools.ts';
import { eventually } from './eventually.ts';
import { useTestBed } from './test-bed.ts';
import { uniqueName } from './unique-name.ts';

const REMAINS = 'serviceaccount,role,rolebinding,job';
const patience = { timeout: 120_000 };

/** What values.yaml says to remove a clean-up with that could not be. */
async function removalIn(namespace: string): Promise<string> {
  const values = await readFile(join(CHART, 'values.yaml'), 'utf8');
  const [, command = 'false'] = /^# +(kubectl -n NAMESPACE delete .*\\\n#.*)$/m.exec(values) ?? [];
  return command.replace('NAMESPACE', namespace).replace('\\\n#', '');
}

describe('a release for some namespaces, one of which is gone', () => {
  const bed = useTestBed({ started: false });
  let lost: string;
  let kept: string;

  const release = (...args: string[]) =>
    helm([...args, '--namespace', bed.ownNamespace], { ...bed.cluster, timeoutMs: 60_000 });
  const upgrade = (...namespaces: string[]) =>
    release('upgrade', 'injector', CHART, '--reset-then-reuse-values', '--set', `namespaces={${namespaces.join()}}`);

  /** What the release and its clean-up have in a namespace, as kubectl names it. */
  async function remains(namespace: string): Promise<string[]> {
    const args = ['get', REMAINS, '-n', namespace, '-o', 'name', '-l', 'app.kubernetes.io/instance=injector'];
    const { stdout } = await kubectl(args, bed.cluster);
    return stdout.split('\n').filter((name) => name !== '');
  }

  beforeEach(async () => {
    [kept, lost] = [await bed.namespace(uniqueName('kept')), await bed.namespace(uniqueName('zlost'))];
    const values = ['--set', 'configMap.create=false', '--set', `configMap.namespace=${bed.ownNamespace}`];
    const installed = await release('install', 'injector', CHART, ...values, '--set', `namespaces={${kept},${lost}}`);
    expect(installed).toMatchObject({ code: 0 });
    await bed.user.delete(resources.namespaces, { name: lost });
    await eventually(async () => (await bed.find(resources.namespaces, { name: lost })) === undefined, {
      withinMs: 30_000,
    });
  });

  afterEach(() => release('uninstall', 'injector', '--no-hooks', '--ignore-not-found'));

  it('cannot be upgraded as it is, but to the shorter list, whose clean-up knows nothing of it', patience, async () => {
    expect(await upgrade(kept, lost)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`namespaces "${lost}" not found`) as string,
    });
    const { code, stderr } = await upgrade(kept);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { stdout } = await release('get', 'hooks', 'injector');
    expect(stdout).toContain(kept);
    expect(stdout).not.toContain(lost);
  });

  it('is uninstalled without its clean-up, of which the command in values.yaml leaves nothing', patience, async () => {
    const { code, stderr } = await release('uninstall', 'injector', '--timeout', '30s');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(lost) as string });
    expect((await release('list', '--all', '-q')).stdout.trim()).toBe('');
    expect(await remains(kept)).not.toEqual([]);
    for (const namespace of [bed.ownNamespace, kept]) {
      expect(await shell(await removalIn(namespace), bed.cluster)).toMatchObject({ code: 0 });
      expect(await remains(namespace)).toEqual([]);
    }
  });
});
