import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';
import { describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';
import { only, render } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

interface Sample {
  kind: string;
  metadata: { name: string };
  spec: { values?: object; source?: { helm?: { valuesObject?: object } } };
}

const page = readFileSync('docs/gitops.md', 'utf8');
const samples = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].flatMap(
  ([, block = '']) => loadAll(block) as Sample[],
);
const installations = samples
  .map(({ kind, spec }) => [kind, spec.values ?? spec.source?.helm?.valuesObject] as const)
  .filter(([, values]) => values !== undefined);

describe('the page on GitOps', () => {
  it('has an installation with each of the tools', () => {
    expect(installations.map(([kind]) => kind)).toEqual(['Application', 'HelmRelease']);
  });

  it.each(installations)('shows values that the chart takes: %s', async (_, values) => {
    const { data = {} } = only(await render({ values }), 'ConfigMap');
    expect(parseConfig(data)).toMatchObject({ ok: true, warnings: [] });
  });
});
