import { beforeEach, describe, expect, it, test } from 'vitest';
import { registriesFor, ScopeCache } from '../../src/targets/registry-scope.ts';
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
  const registries = [someOnly, everywhere];
  const sources = [{}, 'a'];
  let made: number;
  let cache: ScopeCache<number>;
  const of = (namespace: string, from: readonly unknown[] = sources, entries = registries) =>
    cache.of(namespace, { registries: entries, sources: from }, () => ++made);

  beforeEach(() => {
    made = 0;
    cache = new ScopeCache<number>();
  });

  it('is shared by the namespaces that the same registries are meant for, and by no others', () => {
    expect([of('team-a'), of('team-c'), of('team-d'), of('team-a')]).toEqual([1, 2, 2, 1]);
  });

  it('is made anew once anything is another that it is made from, for every scope', () => {
    expect([of('team-a'), of('team-c')]).toEqual([1, 2]);
    expect([of('team-a', [sources[0], 'b']), of('team-c', [sources[0], 'b'])]).toEqual([3, 4]);
    expect(of('team-a', [{}, 'b'])).toBe(5);
    expect(of('team-a')).toBe(6);
  });

  it('is made anew after it was forgotten', () => {
    of('team-a');
    cache.clear();
    expect(of('team-a')).toBe(2);
  });

  it('is made for the registries that are meant for the namespace', () => {
    const given: unknown[] = [];
    cache.of('team-c', { registries, sources }, (entries) => given.push(...entries));
    expect(given).toEqual([everywhere]);
  });
});
