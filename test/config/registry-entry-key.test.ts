import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fingerprint, keyEntries } from '../../src/config/registry-entry-key.ts';
import type { UnkeyedEntry } from '../../src/config/registry-entry-key.ts';

const entry = fc
  .record({
    instanceId: fc.constantFrom(undefined, 'cri-a', 'cri-b', 'personal', 'personal-cn-a'),
    regionId: fc.constantFrom(undefined, 'cn-a', 'cn-b'),
    domains: fc.uniqueArray(fc.constantFrom('a.com', 'b.com', 'c.com')),
  })
  .map(({ instanceId, regionId, domains }): UnkeyedEntry => ({
    ...(instanceId !== undefined && { instanceId }),
    ...(regionId !== undefined && { regionId }),
    domains,
  }));
const entries = fc.uniqueArray(entry, { selector: fingerprint });

test('an entry is named after its instance, a Personal one after its region', () => {
  const keys = keyEntries([
    { instanceId: 'cri-a', regionId: 'cn-a', domains: [] },
    { domains: [] },
    { regionId: 'cn-a', domains: ['a.com'] },
  ]).map(({ key }) => key);
  expect(keys).toEqual(['cri-a', 'personal', 'personal-cn-a']);
});

test('an instance that is listed again is counted, and the entry that says least keeps the plain key', () => {
  const keys = keyEntries([
    { instanceId: 'cri-a', domains: ['b.com'] },
    { instanceId: 'cri-a', domains: [] },
    { instanceId: 'cri-a', domains: ['a.com'] },
  ]).map(({ key }) => key);
  expect(keys).toEqual(['cri-a#3', 'cri-a', 'cri-a#2']);
});

test('keys are unique, and the entries stay in their order', () => {
  fc.assert(
    fc.property(entries, (list) => {
      const keyed = keyEntries(list);
      expect(new Set(keyed.map(({ key }) => key)).size).toBe(list.length);
      expect(keyed).toMatchObject(list);
    }),
  );
});

test('moving an entry, or a domain in it, changes no key', () => {
  const moved = entries.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  );
  const keysByContent = (list: readonly UnkeyedEntry[]) =>
    new Map(keyEntries(list).map(({ key, ...rest }) => [fingerprint(rest), key]));
  fc.assert(
    fc.property(moved, ([list, shuffled]) => {
      const reversed = shuffled.map((item) => ({ ...item, domains: item.domains.toReversed() }));
      expect(keysByContent(reversed)).toEqual(keysByContent(list));
    }),
  );
});
