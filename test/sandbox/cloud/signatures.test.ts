import { expect, test } from 'vitest';
import {
  acs3Signature,
  canonicalRequest,
  parseAcs3Authorization,
  percentEncode,
  unsignedHeaders,
} from './acs3-signature.ts';
import type { CloudRequest } from './cloud-request.ts';
import { rpcSignature, rpcStringToSign } from './rpc-signature.ts';

function requestWith(fields: Partial<CloudRequest>): CloudRequest {
  const nothing = { headers: {}, body: Buffer.alloc(0), query: new Map(), form: new Map() };
  return { method: 'POST', pathname: '/', pathAndQuery: '/', ...nothing, ...fields };
}

test('the ACS3 signature of the example in the documentation comes out as published', () => {
  const headers = {
    host: 'ecs.cn-shanghai.aliyuncs.com',
    'x-acs-action': 'RunInstances',
    'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-acs-date': '2023-10-26T10:22:32Z',
    'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d',
    'x-acs-version': '2014-05-26',
  };
  const query = new Map([
    ['RegionId', 'cn-shanghai'],
    ['ImageId', 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd'],
  ]);
  const canonical = canonicalRequest(requestWith({ headers, query }), Object.keys(headers));
  expect(acs3Signature(canonical, 'YourAccessKeySecret')).toBe(
    '06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
  );
});

test('the classic signature of the example in the documentation comes out as published', () => {
  const query = new Map([
    ['Timestamp', '2016-02-23T12:46:24Z'],
    ['Format', 'XML'],
    ['AccessKeyId', 'testid'],
    ['Action', 'DescribeRegions'],
    ['SignatureMethod', 'HMAC-SHA1'],
    ['SignatureNonce', '3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf'],
    ['Version', '2014-05-26'],
    ['SignatureVersion', '1.0'],
  ]);
  const stringToSign = rpcStringToSign(requestWith({ method: 'GET', query }));
  expect(rpcSignature(stringToSign, 'testsecret')).toBe('OLeaidS1JvxuMvnyHOwuJ+uX5qY=');
});

test('percent-encoding leaves only letters, digits and -_.~', () => {
  expect(percentEncode("a-_.~b !'()*/+")).toBe('a-_.~b%20%21%27%28%29%2A%2F%2B');
});

test('an x-acs- header that nobody signed is noticed', () => {
  const request = requestWith({
    headers: { host: 'h', 'x-acs-action': 'A', 'x-acs-security-token': 't', accept: '*' },
  });
  expect(unsignedHeaders(request, ['host', 'x-acs-action'])).toEqual(['x-acs-security-token']);
});

test('an Authorization header of another scheme is not taken for a signature', () => {
  expect(parseAcs3Authorization('Bearer abc')).toBeUndefined();
  expect(parseAcs3Authorization('ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=zz')).toBeUndefined();
});
