import { expect, test } from 'vitest';
import { apiHosts, enterpriseDomainGlob, personalDomains } from '../../src/registry/registry-host.ts';
import { matchesAuthKey } from '../../src/registry/auth-key-matcher.ts';

test('the API is asked inside the VPC first, then publicly', () => {
  expect(apiHosts('ap-southeast-1')).toEqual(['cr-vpc.ap-southeast-1.aliyuncs.com', 'cr.ap-southeast-1.aliyuncs.com']);
});

test.each(['cn-huhehaote', 'cn-wulanchabu', 'cn-heyuan'])('%s has no API host inside a VPC', (regionId) => {
  expect(apiHosts(regionId)).toEqual([`cr.${regionId}.aliyuncs.com`]);
});

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
  expect(matchesAuthKey(glob, 'shop-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1')).toBe(true);
  expect(matchesAuthKey(glob, 'shop-registry-vpc.cn-hangzhou.cr.aliyuncs.com/team/app:1')).toBe(true);
  expect(matchesAuthKey(glob, 'shop-registry.cn-beijing.cr.aliyuncs.com/team/app:1')).toBe(false);
});
