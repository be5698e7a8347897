import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import {
  canSelectByName,
  failurePolicyFor,
  isProtected,
  protectedNamespaces,
  reaches,
  type ReachContext,
} from '../../src/webhook/reach.ts';
import { configWith } from '../builders/config.ts';

const fail = { enabled: true, failurePolicy: 'Fail', timeoutSeconds: 10 } as const;
const contextWith = (config: Partial<Config> = {}, serverMinor = 30): ReachContext => ({
  config: configWith({ webhook: fail, ...config }),
  ownNamespace: 'acr',
  serverMinor,
});

it('the namespaces that must never be blocked are those of the cluster, and our own', () => {
  expect(protectedNamespaces('acr')).toEqual(['acr', 'kube-node-lease', 'kube-public', 'kube-system']);
  expect(protectedNamespaces('kube-system')).toEqual(['kube-node-lease', 'kube-public', 'kube-system']);
  for (const name of protectedNamespaces('acr')) expect(isProtected(name, 'acr')).toBe(true);
  expect(isProtected('default', 'acr')).toBe(false);
});

it('namespaces can be told by name from Kubernetes 1.21 on', () => {
  expect([20, 21].map((serverMinor) => canSelectByName({ serverMinor }))).toEqual([false, true]);
});

describe('the failure policy', () => {
  it.each([
    ['as configured for an ordinary namespace', 'team-a', contextWith(), 'Fail'],
    ['Ignore for a protected namespace', 'kube-system', contextWith(), 'Ignore'],
    ['Ignore for a protected namespace that is named', 'acr', contextWith({ watchNamespaces: ['acr'] }), 'Ignore'],
    ['Ignore everywhere before 1.21', 'team-a', contextWith({}, 20), 'Ignore'],
    [
      'Ignore where that is configured',
      'team-a',
      contextWith({ webhook: { ...fail, failurePolicy: 'Ignore' } }),
      'Ignore',
    ],
  ])('is %s', (_, namespace, context, expected) => {
    expect(failurePolicyFor(namespace, context)).toBe(expected);
  });
});

describe('the webhook', () => {
  it.each([
    ['an ordinary namespace among all', 'team-a', contextWith(), true],
    ['no protected one among all', 'kube-system', contextWith(), false],
    ['a namespace that is listed', 'team-a', contextWith({ watchNamespaces: ['team-a'] }), true],
    ['a protected namespace that is listed', 'kube-system', contextWith({ watchNamespaces: ['kube-system'] }), true],
    ['no namespace that is not listed', 'team-b', contextWith({ watchNamespaces: ['team-a'] }), false],
    ['every namespace before 1.21', 'kube-system', contextWith({ watchNamespaces: ['team-a'] }, 20), true],
    ['nothing while it is off', 'team-a', contextWith({ webhook: { ...fail, enabled: false } }), false],
  ])('reaches %s', (_, namespace, context, expected) => {
    expect(reaches(namespace, context)).toBe(expected);
  });
});
