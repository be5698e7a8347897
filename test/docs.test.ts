import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { describeCleanupFlags } from '../src/commands/cleanup-options.ts';
import { parseConfig } from '../src/config/parse-config.ts';
import { formatProblem } from '../src/config/problem-report.ts';
import { describeServeFlags } from '../src/commands/serve-options.ts';
import { CHART } from './chart/render-chart.ts';

const pages = ['README.md', ...readdirSync('docs').map((file) => `docs/${file}`)];
const textOf = new Map(pages.map((page) => [page, readFileSync(page, 'utf8')]));

/** A ConfigMap, or the chart's values. */
type Sample = Partial<Record<'data' | 'configuration', Record<string, string>>>;

describe.each([...textOf])('%s', (page, text) => {
  it('shows configurations that are accepted, without a warning', () => {
    const samples = blocksOf(text, 'yaml').filter((block) => /^kind: ConfigMap$|^(data|configuration):/m.test(block));
    for (const sample of samples) {
      const { data, configuration } = load(sample) as Sample;
      expect(parseConfig(data ?? configuration ?? {}), sample).toMatchObject({ ok: true, warnings: [] });
    }
  });

  it('shows mistakes with what is said of them', () => {
    for (const block of blocksOf(text, 'problem')) {
      const [data = '', said = ''] = block.split('\n\n');
      const parsed = parseConfig(load(data) as Record<string, string>);
      expect(parsed.ok ? [] : parsed.problems.map(formatProblem)).toEqual(said.trim().split('\n'));
    }
  });

  it('leads nowhere but to pages, files and headings that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
    for (const [link, target = '', anchor] of links) {
      const path = target === '' ? page : posix.join(posix.dirname(page), target);
      expect(existsSync(path), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(textOf.get(path) ?? ''), link).toContain(anchor);
    }
  });

  it('names flags that the service has, and values that the chart has', () => {
    const flags = [describeServeFlags(), describeCleanupFlags()].join('\n');
    for (const [, flag = ''] of text.matchAll(/`(--[a-z-]+)`/g)) expect(flags).toContain(`${flag} `);
    const values = load(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
    for (const path of valuesSetIn(text)) expect(values, path).toHaveProperty(path);
  });
});

it('the samples are found', () => {
  const text = [...textOf.values()].join('\n');
  expect(blocksOf(text, 'yaml').length).toBeGreaterThan(8);
  expect(blocksOf(text, 'problem').length).toBeGreaterThan(5);
});

it('the page on the configuration has a heading and a line in its table for each key that is read', () => {
  const text = textOf.get('docs/configuration.md') ?? '';
  const keys = keysThatAreRead();
  expect(keys.length).toBeGreaterThan(10);
  for (const key of keys) {
    expect(text).toContain(`\n### ${key}\n`);
    expect(text).toContain(`\n| [\`${key}\`](#${key}) `);
    expect(textOf.get('README.md')).toContain(`\n| \`${key}\` `);
  }
});

/** The fenced blocks of one language, without the indentation that they have in a list. */
function blocksOf(text: string, language: string): string[] {
  const fence = new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, 'gm');
  return [...text.matchAll(fence)].map(([, indent = '', block = '']) =>
    block.replace(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The paths in `--set a.b=c,d=e`, up to an index. */
function valuesSetIn(text: string): string[] {
  const settings = [...text.matchAll(/--set '?([^\s']+)/g)].map(([, setting = '']) => setting.replace(/\{.*\}/, ''));
  return settings.flatMap((setting) => setting.split(',').map((each) => each.replace(/[[=].*/, '')));
}

/** What the warning of an unknown key offers. */
function keysThatAreRead(): string[] {
  const [warning] = parseConfig({ colour: 'blue' }).warnings;
  return warning?.fix.replace('one of ', '').split(', ') ?? [];
}
