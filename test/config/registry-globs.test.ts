import { expect, test } from 'vitest';
import { configOf, problemsOf } from './parse.ts';

const registriesOf = (text: string) => configOf({ 'acr-registry': text }).registries;

test('the globs of the Personal Edition become one entry of the region that the cluster is in', () => {
  expect(registriesOf('registry.*.aliyuncs.com, registry-vpc.*.aliyuncs.com,registry.*.aliyuncs.com')).toEqual([
    { key: 'personal', domains: ['registry.*.aliyuncs.com', 'registry-vpc.*.aliyuncs.com'] },
  ]);
});

test('a domain that names its region is of an entry of that region', () => {
  expect(registriesOf('registry.cn-beijing.aliyuncs.com,registry-intl.ap-southeast-1.aliyuncs.com')).toEqual([
    { key: 'personal-cn-beijing', regionId: 'cn-beijing', domains: ['registry.cn-beijing.aliyuncs.com'] },
    {
      key: 'personal-ap-southeast-1',
      regionId: 'ap-southeast-1',
      domains: ['registry-intl.ap-southeast-1.aliyuncs.com'],
    },
  ]);
});

test("the documentation's default list names an Enterprise instance too, whose ID is still to be found", () => {
  const text =
    'registry.*.aliyuncs.com,registry-vpc.*.aliyuncs.com,xxx-registry.*.cr.aliyuncs.com,xxx-registry-vpc.*.cr.aliyuncs.com';
  expect(registriesOf(text)).toEqual([
    { key: 'personal', domains: ['registry.*.aliyuncs.com', 'registry-vpc.*.aliyuncs.com'] },
    {
      key: 'instance-xxx',
      instanceName: 'xxx',
      domains: ['xxx-registry.*.cr.aliyuncs.com', 'xxx-registry-vpc.*.cr.aliyuncs.com'],
    },
  ]);
});

test.each([
  ['my-team-registry.cn-a.cr.aliyuncs.com', 'my-team'],
  ['my-registry-registry-vpc.cn-a.cr.aliyuncs.com', 'my-registry'],
  ['my-registry-vpc.distributed.cn-a.cr.aliyuncs.com:65001', 'my'],
])('%s is of the instance of the name %s', (domain, instanceName) => {
  expect(registriesOf(domain)).toEqual([
    { key: `instance-${instanceName}-cn-a`, instanceName, regionId: 'cn-a', domains: [domain] },
  ]);
});

test.each([
  'registry.example.com',
  '*-registry.*.cr.aliyuncs.com',
  'x-chart.cn-a.cr.aliyuncs.com',
  'x.cn-a.aliyuncs.com',
  'registry.hangzhou.aliyuncs.com',
  'x-registry.cn--a.cr.aliyuncs.com',
])('%s does not tell its instance, which is refused with the key to write instead', (domain) => {
  expect(problemsOf({ 'acr-registry': `registry.*.aliyuncs.com,${domain}` })).toEqual([
    `acr-registry line 1, column 25: found \`${domain}\`, a domain whose name does not tell its instance; write \`acr-registry-info\` instead, with the ID of its instance and this domain`,
  ]);
});

test('what is no domain is refused', () => {
  expect(problemsOf({ 'acr-registry': 'https://registry.cn-a.aliyuncs.com/x' })).toEqual([
    "acr-registry line 1, column 1: found `https://registry.cn-a.aliyuncs.com/x`, which is not a registry's domain; write `registry.cn-a.aliyuncs.com`",
  ]);
});
