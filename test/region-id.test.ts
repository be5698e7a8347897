import { expect, test } from 'vitest';
import { isRegionId } from '../src/region-id.ts';

test.each(['cn-hangzhou', 'us-west-1', 'cn-shanghai-finance-1', 'me-central-1'])('%s is a region ID', (text) => {
  expect(isRegionId(text)).toBe(true);
});

test.each([
  '',
  'hangzhou',
  'cn_hangzhou',
  'cn-hangzhou.evil.com/',
  'CN-hangzhou',
  '-a',
  'a-',
  'cn--hangzhou',
  '<html>',
  'cn-hangzhou\n',
])('%j is none', (text) => {
  expect(isRegionId(text)).toBe(false);
});
