import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { render, type PolicyRule } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

/** The rights in the first column of the page's table, such as `secrets` of the name `a`: list, watch. */
function rightsOfThePage(): string[] {
  const rows = readFileSync('docs/security.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => row.split('|')[1]?.split(';') ?? []).map((right) => right.trim());
}

function says(right: string, { resources = [], resourceNames = [], nonResourceURLs = [], verbs }: PolicyRule): boolean {
  if (nonResourceURLs.length > 0) return right === `\`${nonResourceURLs.join()}\``;
  const [first, ...others] = resourceNames;
  const names = others.length < 2 ? resourceNames : [first]; // the page writes a series by its beginning and its end
  return (
    right.startsWith(`\`${resources.join()}\``) &&
    right.endsWith(`: ${verbs.join(', ')}`) &&
    right.includes(' of the name') === resourceNames.length > 0 &&
    names.every((name) => right.includes(`\`${name}\``))
  );
}

it('the page on security names every right of the service, and none that it does not have', async () => {
  const objects = await render();
  const rules = objects.flatMap(({ rules = [] }) => rules);
  const rights = rightsOfThePage();
  expect(rules.length).toBeGreaterThan(10);
  for (const rule of rules)
    expect(
      rights.filter((right) => says(right, rule)),
      JSON.stringify(rule),
    ).toHaveLength(1);
  expect(rights.filter((right) => !rules.some((rule) => says(right, rule)))).toEqual([]);
});
