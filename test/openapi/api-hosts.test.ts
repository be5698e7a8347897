import { expect, test } from 'vitest';
import { acrHosts } from '../../src/openapi/api-hosts.ts';

test('the API is asked inside the VPC first, then publicly', () => {
  expect(acrHosts('ap-southeast-1')).toEqual(['cr-vpc.ap-southeast-1.aliyuncs.com', 'cr.ap-southeast-1.aliyuncs.com']);
});

test.each(['cn-huhehaote', 'cn-wulanchabu', 'cn-heyuan'])('%s has no API host inside a VPC', (regionId) => {
  expect(acrHosts(regionId)).toEqual([`cr.${regionId}.aliyuncs.com`]);
});
