import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';
import { formatProblem } from '../../src/config/problem-report.ts';

const keys = [
  'acr-registry-info',
  'watch-namespace',
  'service-account',
  'expiring-threshold',
  'acr-api-version',
  'webhook-configuration',
  'acr-registry',
  'rrsa',
  'notify-email',
  'exclude-namespace',
  'extra-auths',
];
const words = [
  ...[
    'instanceId',
    'regionId',
    'domains',
    'assumeRoleARN',
    'expireDuration',
    'rrsaRoleARN',
    'rrsaOIDCProviderRoleARN',
    'customAccessKey',
    'customAccessKeySecret',
    'customAccessKeySecretRef',
    'namespaces',
    'enable',
    'failure-policy',
    'timeout-seconds',
  ],
  ...[
    'acs:ram::1:role/a',
    'acs:ram::1:oidc-provider/a',
    '900',
    'registry.*.aliyuncs.com',
    'a-registry.*.cr.aliyuncs.com',
  ],
  ...['cri-a', 'cn-hangzhou', 'a.com', '*', 'all', 'default', '15m', 'true', 'Fail', '10', '<x>', '"a","b"'],
  ...[
    '\n',
    '\n',
    '\n  ',
    '\n    ',
    '\r\n',
    '\r',
    '\t',
    '\u00a0',
    '\u2028',
    ' ',
    '  ',
    '- ',
    '-',
    ': ',
    ': ',
    ':',
    ',',
    ', ',
  ],
  ...[
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    '|',
    '>-',
    '#',
    '&a',
    '*a',
    '!!str ',
    '!',
    '%',
    '---',
    '...',
    '?',
    '<<',
    '\\',
    '\u{1F600}',
  ],
];

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join('')),
  fc
    .array(
      fc.tuple(fc.constantFrom('- ', '  ', '    ', ' ', ''), fc.constantFrom(...words), fc.constantFrom(...words)),
      { maxLength: 8 },
    )
    .map((lines) => lines.map(([indent, name, value]) => `${indent}${name}: ${value}`).join('\n')),
);
const anyData = fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), anyText, { maxKeys: 6 });

test('any text in any key is accepted, or yields problems with places inside that text', () => {
  fc.assert(
    fc.property(anyData, (data) => {
      const parsed = parseConfig(data);
      const problems = parsed.ok ? [] : parsed.problems;
      expect(parsed.ok).toBe(problems.length === 0);
      for (const { key, line, column, found, fix } of [...problems, ...parsed.warnings]) {
        const lines = data[key]!.split(/\r\n|\r|\n/);
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
        expect(`${found} ${fix}`).toMatch(/^.+$/);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('what is accepted has at least one registry, and unique keys', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const parsed = parseConfig({ 'acr-registry-info': text });
      if (!parsed.ok) return;
      const names = parsed.config.registries.map(({ key }) => key);
      expect(names.length).toBeGreaterThan(0);
      expect(new Set(names).size).toBe(names.length);
    }),
    { numRuns: 1_000 },
  );
});

const secret = 'LTAIhunter2hunter2hunter2';
const textsWithSecret = [
  `- instanceId: cri-a\n  customAccessKey: LTAI\n  customAccessKeySecret: ${secret}\n  regionId: cn-a`,
  `- instanceId: cri-a\n    customAccessKeySecret: "${secret}"`,
  `- customAccessKeySecret: ${secret}\n   regionId: cn-a`,
  `[{"instanceId": "cri-a", "customAccessKeySecret": "${secret}"}]`,
  `- {instanceId: cri-a, customAccessKeySecret: ${secret}}`,
  `- instanceId: cri-a\n  customAccessKeySecret: |\n    ${secret}`,
  `- instanceId: cri-a\n  customAccessKeySecret: !${secret}`,
  `- instanceId: cri-a\n  customAccessKeySecret: &${secret}\n`,
  `- instanceId: cri-a\n  customAccessKeySecret: *${secret}\n`,
  `- instanceId: cri-a\n  customAccessKeySecret: ["${secret}"]\n`,
  `- instanceId: cri-a\n  customAccessKeySecretRef: ${secret}\n`,
  `- instanceId: cri-a\n  customAccessKey: ${secret}\n  customAccessKeySecret: ${secret}\u00e9\n`,
];
const slips = [
  '',
  ' ',
  '\n',
  '\n  ',
  ':',
  ': ',
  '"',
  "'",
  ',',
  '-',
  '- ',
  '\t',
  '#',
  '{',
  '}',
  '[',
  '&',
  '|',
  '=',
  '\u00a0',
];

test('the secret of an AccessKey is in no message, whichever one character before it is missing, mistyped or too many', () => {
  for (const text of textsWithSecret) {
    for (let place = 0; place < text.indexOf(secret); place += 1) {
      const mistyped = slips.flatMap((typed) => [
        text.slice(0, place) + typed + text.slice(place),
        text.slice(0, place) + typed + text.slice(place + 1),
      ]);
      const leaks = mistyped.filter((slip) => said(slip).includes(secret));
      expect(leaks).toEqual([]);
    }
  }
});

function said(registryInfo: string): string {
  const parsed = parseConfig({ 'acr-registry-info': registryInfo });
  return [...(parsed.ok ? [] : parsed.problems), ...parsed.warnings].map(formatProblem).join('\n');
}
