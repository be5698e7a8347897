import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { helm, type CommandResult } from '../e2e/kubectl-tools.ts';
import { CHART } from './render-chart.ts';

const NAME = 'acr-credential-injector';

describe('the chart as a dependency of another, with a condition', () => {
  let parent: string;

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'acr-credential-injector-parent-'));
    await mkdir(join(parent, 'charts'));
    await cp(CHART, join(parent, 'charts', NAME), { recursive: true });
    const dependencies = [{ name: NAME, version: '>=0.0.0-0', condition: `${NAME}.enabled` }];
    const chart = { apiVersion: 'v2', name: 'platform', version: '1.0.0', dependencies };
    await writeFile(join(parent, 'Chart.yaml'), JSON.stringify(chart));
  });

  afterAll(() => rm(parent, { recursive: true }));

  function template(values: object): Promise<CommandResult> {
    const args = ['template', 'platform', parent, '--namespace', 'acr', '--values', '-'];
    return helm(args, { kubeconfig: '', input: JSON.stringify({ global: { region: 'x' }, [NAME]: values }) });
  }

  it('is there where the condition holds, with the values that it is given', async () => {
    const { stdout, stderr } = await template({ enabled: true, secretName: 'pull' });
    expect(stderr).toBe('');
    expect(stdout).toContain('--secret-name=pull');
  });

  it('is not there where it does not', async () => {
    const { stdout, stderr } = await template({ enabled: false });
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: '', stderr: '' });
  });
});
