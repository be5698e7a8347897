import { expect, test } from 'vitest';
import { nearestName } from '../../src/config/nearest-name.ts';

const known = ['instanceId', 'regionId', 'domains', 'rrsa', 'watch-namespace'];

test.each([
  ['InstanceID', 'instanceId'],
  ['instance_id', 'instanceId'],
  ['instance', 'instanceId'],
  ['regoinId', 'regionId'],
  ['domain', 'domains'],
  ['watchNamespaces', 'watch-namespace'],
  ['rsa', 'rrsa'],
  ['watch-name', 'watch-namespace'],
])('%s is taken for %s', (misspelt, meant) => {
  expect(nearestName(misspelt, known)).toBe(meant);
});

test.each(['image', 'main', 'watch', 'name', 'a', '', 'd'.repeat(100_000)])('nothing known is like %.10s', (name) => {
  expect(nearestName(name, known)).toBeUndefined();
});
