import { describe, expect, it } from 'vitest';
import {
  isOptedOut,
  observeNamespace,
  selectsNamespace,
  selectsServiceAccount,
} from '../../src/targets/target-selector.ts';
import { configWith } from '../builders/config.ts';
import { namespaceNamed } from '../builders/kube-objects.ts';

const optOut = { 'acr-credential-injector/inject': 'false' };

describe('a namespace', () => {
  const all = configWith();
  const listed = configWith({ watchNamespaces: ['a', 'b'] });

  it('is a target when its name is listed, or all are', () => {
    expect(selectsNamespace(all, 'x', observeNamespace(namespaceNamed('x')))).toBe(true);
    expect(selectsNamespace(listed, 'a', observeNamespace(namespaceNamed('a')))).toBe(true);
    expect(selectsNamespace(listed, 'x', observeNamespace(namespaceNamed('x')))).toBe(false);
  });

  it('is none when its own label says so', () => {
    expect(selectsNamespace(all, 'x', observeNamespace(namespaceNamed('x', { labels: optOut })))).toBe(false);
  });

  it('that no watch has brought yet is judged by its name', () => {
    expect(selectsNamespace(listed, 'a', undefined)).toBe(true);
    expect(selectsNamespace(listed, 'x', undefined)).toBe(false);
  });

  it('is going when it is being deleted, by either sign', () => {
    expect(observeNamespace(namespaceNamed('x')).terminating).toBe(false);
    expect(observeNamespace(namespaceNamed('x', { deletionTimestamp: '2026-01-01T00:00:00Z' })).terminating).toBe(true);
    expect(observeNamespace({ ...namespaceNamed('x'), status: { phase: 'Terminating' } }).terminating).toBe(true);
  });
});

it('a ServiceAccount is selected by its name', () => {
  expect(selectsServiceAccount(configWith(), 'x')).toBe(true);
  expect(selectsServiceAccount(configWith({ serviceAccounts: ['default'] }), 'default')).toBe(true);
  expect(selectsServiceAccount(configWith({ serviceAccounts: ['default'] }), 'x')).toBe(false);
});

describe('the label', () => {
  it.each([
    [optOut, true],
    [{ 'acr-credential-injector/inject': 'true' }, false],
    [{ 'acr-credential-injector/inject': '' }, false],
    [{}, false],
    [undefined, false],
  ])('%o opts out: %s', (labels, expected) => {
    expect(isOptedOut({ labels })).toBe(expected);
  });
});
