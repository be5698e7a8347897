import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';
import { rememberedData } from '../../src/config/remembered-data.ts';

it('every key that is read is remembered, verbatim, and no other', () => {
  const asked = new Set<string>();
  const data = new Proxy<Record<string, string>>(
    {},
    {
      getOwnPropertyDescriptor: (_target, key) => {
        asked.add(String(key));
        return undefined;
      },
    },
  );
  parseConfig(data);
  const full = Object.fromEntries([...asked].map((key) => [key, `${key} \n`]));
  expect(rememberedData({ ...full, notes: 'of somebody', constructor: 'x' })).toEqual(full);
});

it('what nobody reads makes a configuration no larger', () => {
  const data = { 'acr-registry-info': '- instanceId: cri-a\n' };
  expect(rememberedData({ ...data, notes: 'x'.repeat(900_000) })).toEqual(data);
});

it('a configuration that would leave no room for tokens is not remembered', () => {
  const info = '# c\n'.repeat(32_000);
  expect(rememberedData({ 'acr-registry-info': info })).toBeDefined();
  const keys = ['acr-registry-info', 'acr-registry', 'watch-namespace', 'rrsa'];
  expect(rememberedData(Object.fromEntries(keys.map((key) => [key, info])))).toBeUndefined();
});
