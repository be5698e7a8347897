import { describe, expect, test } from 'vitest';
import { problemsOf, registriesOf, warningsOf } from './parse.ts';

const problems = (text: string) =>
  problemsOf({ 'acr-registry-info': text }).map((problem) => problem.replace(/^acr-registry-info /, ''));
const warnings = (text: string) =>
  warningsOf({ 'acr-registry-info': text }).map((warning) => warning.replace(/^acr-registry-info /, ''));

const personal = { key: 'personal', domains: [] };
const enterprise = { key: 'cri-a', instanceId: 'cri-a', domains: [] };

describe('what is understood', () => {
  test.each(['', ' \n', '# nothing yet', '[]', 'null', '~', '""', '---\n'])(
    '%j means the Personal instance',
    (text) => {
      expect(registriesOf(text)).toEqual([personal]);
    },
  );

  test.each([
    ['- instanceId: ""', personal],
    ['- instanceId:', personal],
    ['- instanceId: null\n  regionId: ~', personal],
    ['- regionId: cn-beijing', { key: 'personal-cn-beijing', regionId: 'cn-beijing', domains: [] }],
    ['- instanceId: cri-a', enterprise],
    ["- instanceId: ' cri-a '", enterprise],
    ['- instanceId: 123', { key: '123', instanceId: '123', domains: [] }],
    ['- InstanceId: cri-a', enterprise],
    ['- {instanceId: cri-a}', enterprise],
    ['[{"instanceId":"cri-a"}]', enterprise],
    ['[\n\t{\n\t\t"instanceId": "cri-a",\n\t\t\t"domains": ""\n\t}\n]', enterprise],
    ['-\n  instanceId: cri-a', enterprise],
    ['  -   instanceId: cri-a\r\n      regionId:\r\n', enterprise],
    ['- instanceId: &id cri-a', enterprise],
    ['- instanceId: |\n    cri-a', enterprise],
    ['\ufeff- instanceId: cri-a\n', enterprise],
    ['-\u00a0instanceId:\u00a0cri-a\n\u00a0\u3000regionId:\u00a0""', enterprise],
  ])('%j is understood', (text, entry) => {
    expect(registriesOf(text)).toEqual([entry]);
  });

  test.each([
    'domains: a.com,b.com',
    'domains: " a.com , b.com, "',
    'domains: [a.com, b.com]',
    'domains:\n    - a.com\n    - b.com',
    'domains:\n  - a.com\n  - b.com',
    'domains: "a.com","b.com"',
    "domains: 'a.com' , 'b.com', # both",
    'domains: "a.com",b.com',
    'domains: "a.com,b.com","a.com"',
    'domains: |\n    a.com,\n    b.com',
  ])('%j are two domains', (field) => {
    const registries = registriesOf(`- instanceId: cri-a\n  ${field}\n  regionId: cn-a\n`);
    expect(registries).toEqual([{ ...enterprise, regionId: 'cn-a', domains: ['a.com', 'b.com'] }]);
  });

  test.each(['a.com:5000', '127.0.0.1:5000', 'registry', 'Reg.Example.com', '*-registry-vpc.cn-a.cr.aliyuncs.com'])(
    '%s is a domain',
    (domain) => {
      expect(registriesOf(`- domains: "${domain}"`)).toEqual([{ key: 'personal', domains: [domain] }]);
    },
  );

  test.each(['instanceId: "cri-a, cri-b,"', 'instanceId: [cri-a, cri-b]', 'instanceId: "cri-a","cri-b"'])(
    '%j makes an entry for each instance, with the other fields for both',
    (field) => {
      expect(registriesOf(`- ${field}\n  regionId: cn-a\n  domains: a.com`)).toEqual([
        { key: 'cri-a', instanceId: 'cri-a', regionId: 'cn-a', domains: ['a.com'] },
        { key: 'cri-b', instanceId: 'cri-b', regionId: 'cn-a', domains: ['a.com'] },
      ]);
    },
  );

  test('an entry that says the same as one before it is left out with a warning', () => {
    const text = '- instanceId: cri-a\n  domains: a.com,b.com\n- instanceId: cri-a\n  domains: b.com,a.com\n';
    expect(registriesOf(text)).toHaveLength(1);
    expect(warnings(text)).toEqual(['line 3, column 3: found an entry that is listed already; write it once']);
  });
});

describe('what is out of line', () => {
  test('is reported with the line as it ought to be, together with everything else that is wrong', () => {
    const text = [
      '- instanceId: cri-a',
      '    regionId: cn-a',
      ' domains: a..com',
      '- instanceId: cri-b',
      'regionId: cn_b # the other',
      '  - instanceId: cri-c',
      '    domains:',
      '      - c.com',
      '- instanceId: cri-d',
      '\tregionId: cn-d',
    ].join('\n');
    expect(problems(text)).toEqual([
      'line 2, column 5: found `regionId` in column 5, where `instanceId` in line 1 begins in column 3; write `  regionId: cn-a`',
      'line 3, column 2: found `domains` in column 2, where `instanceId` in line 1 begins in column 3; write `  domains: a..com`',
      "line 3, column 11: found `a..com`, which is not a registry's domain; write domains such as `example.cn-hangzhou.cr.aliyuncs.com`, parted by commas",
      'line 5, column 1: found `regionId` in column 1, where `instanceId` in line 4 begins in column 3; write `  regionId: cn_b # …`',
      "line 5, column 11: found `cn_b`, which is not a region's ID; write `cn-b`",
      'line 6, column 3: found an entry that begins in column 3, where the first begins in column 1; write `- instanceId: cri-c`',
      'line 10, column 2: found `regionId` behind a tab, where `instanceId` in line 9 begins in column 3; write `  regionId: cn-d`',
    ]);
  });

  test('is reported as well where it is good YAML of another meaning', () => {
    expect(problems('- instanceId:\n    regionId: cn-a\n')).toEqual([
      'line 2, column 5: found `regionId` inside `instanceId`; write `regionId` in the column of `instanceId`',
    ]);
  });

  test('is not what belongs to a field of several lines', () => {
    const text =
      '- labels:\n    team: a\n  instanceId: cri-a\n  notes: |\n      regionId: here\n        domains: there\n';
    expect(registriesOf(text)).toEqual([enterprise]);
  });
});

describe('what is refused', () => {
  test.each([
    ['cri-a', 'line 1, column 1: found text that is not a list of entries'],
    ['instanceId: cri-a', 'line 1, column 1: found an entry that is in no list'],
    ['- cri-a', 'line 1, column 3: found an entry without fields'],
    ['- instanceId: cri-a\n-\n', 'line 2, column 1: found an entry without fields'],
    ['- [instanceId]', 'line 1, column 3: found a list inside the list'],
    [
      '---\n- instanceId: cri-a\n---\n- instanceId: cri-b',
      'line 1, column 1: found several YAML documents, parted by `---`',
    ],
    ['- instanceId: cri-a\n  instanceId: cri-b', 'line 2, column 3: found `instanceId` once more in one entry'],
    ['- instanceId: *a', 'line 1, column 16: found an alias'],
    ['- <<: {instanceId: a}', "line 1, column 3: found what is no field's name, where one belongs"],
    ['- ? [a]\n  : b', "line 1, column 5: found what is no field's name, where one belongs"],
    ['- instanceId: !!str cri-a', 'line 1, column 15: found a YAML tag'],
    ['- regionId: [cn-a, cn-b]', 'line 1, column 13: found a list in `regionId`'],
    ['- regionId: {hunter2: a}', 'line 1, column 13: found a mapping in `regionId`'],
    ['- regionId: cn-a,cn-b', "line 1, column 13: found `cn-a,cn-b`, which is not a region's ID"],
    ['- regionId: hangzhou', "line 1, column 13: found `hangzhou`, which is not a region's ID"],
    ['- regionId: cn--hangzhou', "line 1, column 13: found `cn--hangzhou`, which is not a region's ID"],
    ['- regionId: cn-a.example.com', "line 1, column 13: found `cn-a.example.com`, which is not a region's ID"],
    ['- instanceId: <cri-instanceId>', "line 1, column 15: found `<cri-instanceId>`, which is not an instance's ID"],
    [
      '- {instanceId: cri-a, domains: "a.com","b.com"}',
      "line 1, column 41: found what is no field's name, where one belongs",
    ],
    [
      '- instanceId: "cri-a',
      'line 1, column 21: found text that is not YAML: unexpected end of the stream within a double quoted scalar',
    ],
    [
      '[{"instanceId": "cri-a"}\n\n',
      'line 1, column 25: found text that is not YAML: unexpected end of the stream within a flow collection',
    ],
    [`- a: ${'['.repeat(50)}`, 'line 1, column 12: found text that is not YAML: nesting exceeded maxDepth (8)'],
  ])('%j is refused', (text, expected) => {
    const [first, ...more] = problems(text);
    expect(first).toMatch(/; write ./);
    expect(first?.replace(/; write .*/, '')).toBe(expected);
    expect(more).toEqual([]);
  });

  test.each([
    ['https://a.com', '`a.com`'],
    ['http://a.com:5000/ns/', '`a.com:5000`'],
    ['a.com/team', '`a.com`'],
    ['a.com.', '`a.com`'],
    ['a.com b.com', '`a.com,b.com`'],
    ['a.com，b.com', '`a.com,b.com`'],
    ['a.com:0', 'domains such as `example.cn-hangzhou.cr.aliyuncs.com`, parted by commas'],
    ['a.com:65536', 'domains such as `example.cn-hangzhou.cr.aliyuncs.com`, parted by commas'],
    ['*', 'domains such as `example.cn-hangzhou.cr.aliyuncs.com`, parted by commas'],
    ['*.com', 'domains such as `example.cn-hangzhou.cr.aliyuncs.com`, parted by commas'],
    ['a.*:5000', 'domains such as `example.cn-hangzhou.cr.aliyuncs.com`, parted by commas'],
  ])('domain "%s" is refused, and %s proposed', (domain, fix) => {
    expect(problems(`- domains: "${domain}"`)).toEqual([
      `line 1, column 13: found \`${domain}\`, which is not a registry's domain; write ${fix}`,
    ]);
  });

  test('a login in an URL is in no message, and what is proposed is the domain', () => {
    expect(problems('- domains: https://user:hunt/er@2@a.com/team')).toEqual([
      "line 1, column 12: found `…@a.com/team`, which is not a registry's domain; write `a.com`",
    ]);
  });

  test('an entry has fifty instances at the most', () => {
    const ids = (count: number) => Array.from({ length: count }, (_, index) => `cri-${index}`).join(',');
    expect(registriesOf(`- instanceId: ${ids(50)}`)).toHaveLength(50);
    expect(problems(`- instanceId: ${ids(5_000)}`)).toEqual([
      'line 1, column 355: found more than 50 instances in one entry; write further entries for them',
    ]);
  });

  test('an anchor repeated to the billion costs nothing, for aliases are refused', () => {
    const bomb = Array.from({ length: 9 }, (_, level) => `- x${level}: &a${level + 1} [${`*a${level},`.repeat(9)}]`);
    expect(problems(bomb.join('\n'))).toHaveLength(81);
  });
});

describe('fields that nobody reads', () => {
  test.each([
    ['asumeRoleARN', 'assumeRoleARN'],
    ['customAccessKeySecretReff', 'customAccessKeySecretRef'],
    ['namespace', 'namespaces'],
    ['assumeRole', 'assumeRoleARN'],
    ['rrsaRole', 'rrsaRoleARN'],
  ])('%s is probably %s, which decides whose token it is or who gets it, so it is refused', (field, meant) => {
    const [problem, ...more] = problems(`- instanceId: cri-a\n  ${field}: value`);
    expect(problem).toBe(`line 2, column 3: found \`${field}\`, which is unknown; write \`${meant}\``);
    expect(more).toEqual([]);
    expect(problems(`- instanceId: cri-a\n  ${field}: ""`)).toEqual([problem]);
  });

  test('an empty one is nothing', () => {
    const text = '- instanceId: cri-a\n  regionId: ""\n  domains: []\n  expireDuration:\n  owner: ""\n  region:\n';
    expect(registriesOf(text)).toEqual([enterprise]);
    expect(warnings(text)).toEqual([]);
  });

  test('an unknown field is ignored with a warning, and a known one in another case is read with one', () => {
    const text = '- InstanceID: cri-a\n  domain: a.com\n  owner: team-a';
    expect(registriesOf(text)).toEqual([enterprise]);
    expect(warnings(text)).toEqual([
      'line 1, column 3: found `instanceId` in another case; write `instanceId`',
      'line 2, column 3: found `domain`, which is ignored as unknown; write `domains`',
      'line 3, column 3: found a field, which is ignored as unknown; write one of instanceId, regionId, domains, assumeRoleARN, expireDuration, rrsaRoleARN, rrsaOIDCProviderRoleARN, customAccessKey, customAccessKeySecret, customAccessKeySecretRef, namespaces',
    ]);
  });
});
