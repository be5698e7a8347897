import { expect, test } from 'vitest';
import { registriesFor } from '../../src/targets/registry-scope.ts';
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
