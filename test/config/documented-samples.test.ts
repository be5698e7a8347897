import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';
import { formatProblem } from '../../src/config/problem-report.ts';

/** Every sample of the ConfigMap in Alibaba Cloud's documentation, character by character, and what becomes of it. */
const samples = {
  'api-version-only': {},
  'api-version-only-chinese': {},
  'template-enterprise': {
    registries: [{ key: 'cri-xxx', instanceId: 'cri-xxx', regionId: 'cn-hangzhou', domains: ['xxx.com', 'yyy.com'] }],
  },
  'template-personal': {
    registries: [{ key: 'personal-cn-hangzhou', regionId: 'cn-hangzhou', domains: ['xxx.com', 'yyy.com'] }],
  },
  'kubectl-enterprise': {
    registries: [{ key: 'cri-xxx', instanceId: 'cri-xxx', regionId: 'cn-hangzhou', domains: [] }],
    watchNamespaces: 'all',
  },
  'kubectl-personal-misaligned': [
    'acr-registry-info line 2, column 5: found `regionId` in column 5, where `instanceId` in line 1 begins in column 3; write `  regionId: "cn-hangzhou"`',
  ],
  'scenario-1-enterprise': {
    registries: [{ key: 'cri-xxx', instanceId: 'cri-xxx', regionId: 'cn-hangzhou', domains: ['xxx.com', 'yyy.com'] }],
    watchNamespaces: 'all',
    notifyEmail: 'cs@aliyuncs.com',
  },
  'scenario-1-personal': {
    registries: [{ key: 'personal-cn-hangzhou', regionId: 'cn-hangzhou', domains: ['xxx.com', 'yyy.com'] }],
    watchNamespaces: 'all',
    notifyEmail: 'cs@aliyuncs.com',
  },
  'scenario-1-both': {
    registries: [
      { key: 'personal', domains: [] },
      { key: 'cri-xxxx', instanceId: 'cri-xxxx', domains: [] },
    ],
    watchNamespaces: 'all',
    notifyEmail: 'cs@aliyuncs.com',
  },
  'scenario-2-regions': {
    registries: [
      { key: 'personal-cn-beijing', regionId: 'cn-beijing', domains: [] },
      { key: 'personal-cn-hangzhou', regionId: 'cn-hangzhou', domains: [] },
    ],
    watchNamespaces: 'all',
    notifyEmail: 'cs@aliyuncs.com',
  },
  'console-single-line': [
    'acr-registry-info line 1, column 40: found `instanceId` and `regionId` and `domains` on one line; write each field on a line of its own, in one column',
  ],
  webhook: { webhook: { enabled: true, failurePolicy: 'Ignore', timeoutSeconds: 10 } },
};

const defaults = {
  registries: [{ key: 'personal', domains: [] }],
  watchNamespaces: ['default'],
  excludeNamespaces: [],
  serviceAccounts: ['default'],
  expiringThresholdMs: 900_000,
  acrApiVersion: '2018-12-01',
  extraAuths: [],
  rrsaEnabled: false,
  webhook: { enabled: false, failurePolicy: 'Ignore', timeoutSeconds: 10 },
};

const fixtures = new URL('../fixtures/configurations/', import.meta.url);

test('every sample has its expectation', () => {
  const files = readdirSync(fixtures).map((file) => file.replace('.yaml', ''));
  expect(files.toSorted()).toEqual(Object.keys(samples).toSorted());
});

test.each(Object.entries(samples))('the sample %s is parsed, or refused with exact errors', (name, expected) => {
  const data = dataOf(readFileSync(new URL(`${name}.yaml`, fixtures), 'utf8'));
  const parsed = parseConfig(data);
  if (Array.isArray(expected)) expect(parsed.ok ? parsed.config : parsed.problems.map(formatProblem)).toEqual(expected);
  else expect(parsed.ok ? parsed.config : parsed.problems.map(formatProblem)).toEqual({ ...defaults, ...expected });
  expect(parsed.warnings).toEqual([]);
});

test.each(['api-version-only', 'api-version-only-chinese'])('the sample %s may have its comments taken off', (name) => {
  const sample = readFileSync(new URL(`${name}.yaml`, fixtures), 'utf8').replaceAll(/#(?=[a-z-]+: )/g, '');
  const domains = ['xxx-registry.*.cr.aliyuncs.com', 'xxx-registry-vpc.*.cr.aliyuncs.com'];
  expect(parseConfig(dataOf(sample))).toMatchObject({
    ok: true,
    config: {
      ...defaults,
      registries: [{ key: 'instance-xxx', instanceName: 'xxx', domains }],
      watchNamespaces: 'all',
    },
    warnings: [],
  });
});

test('what the table of the older pages says of acr-registry is two instances, in the region of the cluster', () => {
  const [personal, enterprise] = [
    ['registry.*.aliyuncs.com', 'registry-vpc.*.aliyuncs.com'],
    ['xxx-registry.*.cr.aliyuncs.com', 'xxx-registry-vpc.*.cr.aliyuncs.com'],
  ];
  const parsed = parseConfig({ 'acr-registry': [...personal, ...enterprise].join(','), 'watch-namespace': 'All' });
  expect(parsed).toMatchObject({ ok: true, config: { watchNamespaces: 'all' }, warnings: [] });
  expect(parsed).toHaveProperty('config.registries', [
    { key: 'personal', domains: personal },
    { key: 'instance-xxx', instanceName: 'xxx', domains: enterprise },
  ]);
});

test.each(['15m', '15min'])('the threshold may be written as %s', (text) => {
  expect(parseConfig({ 'expiring-threshold': text })).toHaveProperty('config.expiringThresholdMs', 900_000);
});

/**
 * The data of a sample as somebody enters it in the console's form, key by key, for as a manifest not every sample is good YAML:
 * some spaces are no-break spaces, and the metadata is out of line. A sample of an entry alone is `acr-registry-info`.
 */
function dataOf(sample: string): Record<string, string> {
  const lines = sample.split('\n');
  const start = lines.findIndex((line) => line.startsWith('data:'));
  if (start < 0) return { 'acr-registry-info': sample };
  const indented = lines.slice(start + 1).filter((line) => !/^\s*(?:#|$)/.test(line));
  const end = indented.findIndex((line) => /^\S/.test(line));
  const body = end < 0 ? indented : indented.slice(0, end);
  const indent = indentOf(body[0] ?? '');
  const data: Record<string, string> = {};
  let key = '';
  for (const line of body) {
    const field = indentOf(line) === indent ? /^\s*([\w-]+):\s*(.*?)\s*$/.exec(line) : null;
    if (field) data[(key = field[1]!)] = /^\|-?$/.test(field[2]!) ? '' : field[2]!.replace(/^"(.*)"$/, '$1');
    else data[key] = `${data[key] ?? ''}${line}\n`;
  }
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, dedent(text)]));
}

function dedent(text: string): string {
  const indent = indentOf(text);
  return text.replace(/^.*$/gm, (line) => line.slice(Math.min(indent, indentOf(line))));
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
