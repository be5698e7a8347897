import { beforeEach, describe, expect, it, test } from 'vitest';
import { registriesFor, ScopeCache } from '../../src/targets/registry-scope.ts';
import type { RegistryEntry } from '../../src/config/config.ts';
import { observeNamespace, selectsNamespace } from '../../src/targets/target-selector.ts';
import { configWith, registry } from '../builders/config.ts';
import { namespaceNamed } from '../builders/kube-objects.ts';

const everywhere = { ...registry, key: 'everywhere' };
const someOnly = { ...registry, key: 'some', namespaces: ['team-a', 'team-b'] };
const selects = (config: Parameters<typeof selectsNamespace>[0], name: string) =>
  selectsNamespace(config, name, observeNamespace(namespaceNamed(name)));

test('a namespace gets the registries that name it or none, in the order of the configuration', () => {
  const registries = [someOnly, everywhere];
  expect(registriesFor(registries, 'team-a')).toEqual([someOnly, everywhere]);
  expect(registriesFor(registries, 'team-c')).toEqual([everywhere]);
});

test('where no registry is for some namespaces only, all get the very same list', () => {
  const registries = [everywhere];
  expect(registriesFor(registries, 'team-a')).toBe(registries);
});

test('a namespace that no registry is meant for is no target, unless there is something static', () => {
  expect(selects(configWith({ registries: [someOnly] }), 'team-a')).toBe(true);
  expect(selects(configWith({ registries: [someOnly] }), 'team-c')).toBe(false);
  expect(selects(configWith({ registries: [someOnly], extraAuths: ['hub'] }), 'team-c')).toBe(true);
});

test('an excluded namespace is no target, even where it is named', () => {
  const config = configWith({
    watchNamespaces: ['team-a', 'test-1', 'kube-system'],
    excludeNamespaces: ['test-*', 'kube-system'],
  });
  expect(['team-a', 'test-1', 'kube-system'].map((name) => selects(config, name))).toEqual([true, false, false]);
  expect(selects(configWith({ excludeNamespaces: ['test-*'] }), 'test-2')).toBe(false);
  expect(selects(configWith({ excludeNamespaces: ['test-*'] }), 'team-a')).toBe(true);
});

describe('what is made once for a scope', () => {
  interface Sources {
    config: { registries: RegistryEntry[] };
  }
  const sourcesOf = (...registries: RegistryEntry[]): Sources => ({ config: { registries } });
  const sources = sourcesOf(someOnly, everywhere);
  let given: [entries: readonly RegistryEntry[], sources: Sources][];
  let cache: ScopeCache<Sources, number>;

  beforeEach(() => {
    given = [];
    cache = new ScopeCache((...from) => given.push(from));
  });

  it('is shared by the namespaces that the same registries are meant for, and by no others', () => {
    const of = (namespace: string) => cache.of(namespace, sources);
    expect([of('team-a'), of('team-c'), of('team-d'), of('team-a')]).toEqual([1, 2, 2, 1]);
  });

  it('is made anew once the sources are others, for every scope, even where they hold the same', () => {
    expect([cache.of('team-a', sources), cache.of('team-c', sources)]).toEqual([1, 2]);
    const others = sourcesOf(someOnly, everywhere);
    expect([cache.of('team-a', others), cache.of('team-c', others)]).toEqual([3, 4]);
    expect(cache.of('team-a', sources)).toBe(5);
  });

  it('is made anew after it was forgotten', () => {
    cache.of('team-a', sources);
    cache.clear();
    expect(cache.of('team-a', sources)).toBe(2);
  });

  it('is made of the sources for the registries that are meant for the namespace', () => {
    cache.of('team-c', sources);
    expect(given).toEqual([[[everywhere], sources]]);
  });
});
