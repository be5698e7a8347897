import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { modern, render } from '../chart/render-chart.ts';
import { uniqueName } from '../contract/unique-name.ts';
import { applying, GitOpsTool, type Manifest } from '../e2e/gitops-tool.ts';

const kubeconfig = inject('kubeconfig');

describe.each(Object.keys(applying) as (keyof typeof applying)[])('a GitOps tool that uses %s', (how) => {
  const namespace = uniqueName('gitops');
  const tool = new GitOpsTool(kubeconfig, how);
  const surroundings = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }];
  let chart: Manifest[] = [];

  beforeAll(async () => {
    chart = (await render({ ...modern, namespace })) as unknown as Manifest[];
    await tool.sync(surroundings);
    await tool.sync(chart);
  });
  afterAll(async () => {
    await tool.remove([...chart, ...surroundings]);
  });

  it('finds nothing to do after the installation, the admission policies included', async () => {
    expect(chart.map(({ kind }) => kind)).toContain('ValidatingAdmissionPolicy');
    expect(await tool.predicted(chart)).toEqual(await tool.live(chart));
  });
});
