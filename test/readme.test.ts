import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeServeFlags } from '../src/commands/serve-options.ts';

const readme = readFileSync('README.md', 'utf8');

it('lists in the README exactly the flags that the service has, with their defaults', () => {
  const flags = describeServeFlags()
    .split('\n')
    .map((line) => line.trim());
  expect(readme).toContain(`\`\`\`\n${flags.join('\n')}\n\`\`\``);
});

it('names in the README only make targets that exist', () => {
  const makefile = readFileSync('Makefile', 'utf8');
  const targets = [...readme.matchAll(/make ([a-z0-9-]+)/g)].map(([, target]) => target!);
  expect(targets.length).toBeGreaterThan(0);
  for (const target of targets) expect(makefile).toMatch(new RegExp(`^${target}:`, 'm'));
});

it('installs the version that is here, which is the one that the chart takes', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const tags = [...readme.matchAll(/REGISTRY\/acr-credential-injector:(\S+)/g)].map(([, tag]) => tag);
  expect(tags).toEqual([version, version]);
});
