import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layerEntries, type LayeredEntry, type SecretLayers } from '../../src/secrets/secret-layers.ts';

const entry = (key: string, login: string, ...domains: string[]): LayeredEntry => ({ key, login, domains });
const shown = ({ layers }: SecretLayers) => layers.map((layer) => Object.fromEntries(layer));

describe('logins over pull Secrets', () => {
  it('are all in the first while no domain has two', () => {
    expect(shown(layerEntries([entry('a', '1', 'a.com', 'b.com'), entry('b', '2', 'c.com')]))).toEqual([
      { 'a.com': ['a'], 'b.com': ['a'], 'c.com': ['b'] },
    ]);
    expect(shown(layerEntries([]))).toEqual([{}]);
  });

  it('go into further ones for the domains that are taken, and only for these', () => {
    expect(shown(layerEntries([entry('a', '1', 'a.com'), entry('b', '2', 'a.com', 'b.com')]))).toEqual([
      { 'a.com': ['a'], 'b.com': ['b'] },
      { 'a.com': ['b'] },
    ]);
  });

  it('have one place, however many entries there are of one', () => {
    const entries = [entry('a', '1', 'a.com'), entry('b', '2', 'a.com'), entry('c', '1', 'a.com', 'a.com')];
    expect(shown(layerEntries(entries))).toEqual([{ 'a.com': ['a', 'c'] }, { 'a.com': ['b'] }]);
  });

  it('are left out from the sixth on', () => {
    const entries = Array.from({ length: 6 }, (_, index) => entry(`e${index}`, String(index), 'a.com'));
    const { layers, leftOut } = layerEntries(entries);
    expect(layers).toHaveLength(5);
    expect(leftOut).toEqual([{ key: 'e5', domain: 'a.com' }]);
  });

  const entries = fc.array(
    fc.record({
      login: fc.constantFrom('1', '2', '3', '4', '5', '6', '7'),
      domains: fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
    }),
    { maxLength: 12 },
  );

  it('are each in exactly one place of each of its domains, or left out; no place has two', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const named = list.map((each, index) => ({ ...each, key: String(index) }));
        const { layers, leftOut } = layerEntries(named);
        for (const { key, domains } of named) {
          for (const domain of new Set(domains)) {
            const places = layers.filter((layer) => layer.get(domain)?.includes(key)).length;
            const outside = leftOut.filter((each) => each.key === key && each.domain === domain).length;
            expect(places + outside).toBe(1);
          }
        }
        for (const layer of layers) {
          for (const keys of layer.values()) {
            expect(new Set(keys.map((key) => named[Number(key)]?.login)).size).toBe(1);
          }
        }
        expect(layers.length).toBeLessThanOrEqual(5);
        expect(layers.slice(1).every((layer) => layer.size > 0)).toBe(true);
      }),
    );
  });

  it('stay where they are when another is added behind them', () => {
    fc.assert(
      fc.property(entries, entries, (list, more) => {
        const named = [...list, ...more].map((each, index) => ({ ...each, key: String(index) }));
        const before = layerEntries(named.slice(0, list.length)).layers;
        const after = layerEntries(named).layers;
        for (const [index, layer] of before.entries()) {
          for (const [domain, keys] of layer) expect(after[index]?.get(domain)?.slice(0, keys.length)).toEqual(keys);
        }
      }),
    );
  });
});
