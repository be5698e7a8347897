import { expect, test } from 'vitest';
import { compileAuthKeys } from '../../src/registry/auth-key-matcher.ts';
import { enterpriseDomainGlob, personalDomains } from '../../src/registry/registry-host.ts';

test('the Personal Edition serves images under domains of both sites', () => {
  expect(personalDomains('cn-hangzhou')).toEqual([
    'registry.cn-hangzhou.aliyuncs.com',
    'registry-vpc.cn-hangzhou.aliyuncs.com',
    'registry-internal.cn-hangzhou.aliyuncs.com',
    'registry-intl.cn-hangzhou.aliyuncs.com',
    'registry-intl-vpc.cn-hangzhou.aliyuncs.com',
  ]);
});

test('the glob of a region fits its instances, public and VPC, and no other region', () => {
  const glob = enterpriseDomainGlob('cn-hangzhou');
  const match = compileAuthKeys([glob]);
  expect(match('shop-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1')).toBe(glob);
  expect(match('shop-registry-vpc.cn-hangzhou.cr.aliyuncs.com/team/app:1')).toBe(glob);
  expect(match('shop-registry.cn-beijing.cr.aliyuncs.com/team/app:1')).toBeUndefined();
});
