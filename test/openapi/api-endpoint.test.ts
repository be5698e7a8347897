import { expect, test } from 'vitest';
import { CloudEndpoints, fixedEndpoint } from '../../src/openapi/api-endpoint.ts';
import { acrHosts, stsHosts } from '../../src/openapi/api-hosts.ts';

function probing(reachable: Set<string>, hostsOf = acrHosts) {
  const probed: string[] = [];
  const endpoints = new CloudEndpoints(hostsOf, (host) => {
    probed.push(host);
    return Promise.resolve(reachable.has(host));
  });
  return { endpoints, probed };
}

const vpcHost = 'cr-vpc.cn-hangzhou.aliyuncs.com';

test('inside a VPC its host is used, and looked for once', async () => {
  const { endpoints, probed } = probing(new Set([vpcHost]));
  expect((await endpoints.endpointOf('cn-hangzhou')).href).toBe(`https://${vpcHost}/`);
  expect((await endpoints.endpointOf('cn-hangzhou')).href).toBe(`https://${vpcHost}/`);
  expect(probed).toEqual([vpcHost]);
});

test('outside a VPC the public host is used, and each region is looked for by itself', async () => {
  const { endpoints, probed } = probing(new Set([vpcHost]));
  const both = await Promise.all([endpoints.endpointOf('cn-beijing'), endpoints.endpointOf('cn-hangzhou')]);
  expect(both.map(({ host }) => host)).toEqual(['cr.cn-beijing.aliyuncs.com', vpcHost]);
  expect(probed).toEqual(['cr-vpc.cn-beijing.aliyuncs.com', vpcHost]);
});

test('calls made at the same time look for a region once', async () => {
  const { endpoints, probed } = probing(new Set());
  await Promise.all([endpoints.endpointOf('cn-hangzhou'), endpoints.endpointOf('cn-hangzhou')]);
  expect(probed).toHaveLength(1);
});

test('a host that could not be reached is looked for anew', async () => {
  const reachable = new Set([vpcHost]);
  const { endpoints } = probing(reachable);
  await endpoints.endpointOf('cn-hangzhou');
  reachable.clear();
  expect((await endpoints.endpointOf('cn-hangzhou')).host).toBe(vpcHost);
  endpoints.forget('cn-hangzhou');
  expect((await endpoints.endpointOf('cn-hangzhou')).host).toBe('cr.cn-hangzhou.aliyuncs.com');
});

test('where there is no host inside a VPC, none is looked for', async () => {
  const { endpoints, probed } = probing(new Set());
  expect((await endpoints.endpointOf('cn-heyuan')).href).toBe('https://cr.cn-heyuan.aliyuncs.com/');
  expect(probed).toEqual([]);
});

test('a configured endpoint serves every region', async () => {
  const endpoints = fixedEndpoint(new URL('http://127.0.0.1:1'));
  endpoints.forget('cn-hangzhou');
  expect((await endpoints.endpointOf('cn-hangzhou')).href).toBe('http://127.0.0.1:1/');
});

test('the Security Token Service has a host inside the VPC and a public one in every region', async () => {
  const inside = 'sts-vpc.cn-heyuan.aliyuncs.com';
  expect((await probing(new Set([inside]), stsHosts).endpoints.endpointOf('cn-heyuan')).host).toBe(inside);
  const outside = await probing(new Set(), stsHosts).endpoints.endpointOf('cn-heyuan');
  expect(outside.host).toBe('sts.cn-heyuan.aliyuncs.com');
});
