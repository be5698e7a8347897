import { describe, expect, it } from 'vitest';
import { pathOf, resources } from '../../src/kube/resources.ts';

describe('the path of a resource', () => {
  it.each([
    ['an object of the core group', resources.secrets, { namespace: 'a', name: 'b' }, '/api/v1/namespaces/a/secrets/b'],
    ['a collection in one namespace', resources.secrets, { namespace: 'a' }, '/api/v1/namespaces/a/secrets'],
    ['a collection in all namespaces', resources.secrets, {}, '/api/v1/secrets'],
    ['an object without a namespace', resources.namespaces, { name: 'a' }, '/api/v1/namespaces/a'],
    [
      'an object of another group',
      resources.leases,
      { namespace: 'a', name: 'b' },
      '/apis/coordination.k8s.io/v1/namespaces/a/leases/b',
    ],
    [
      'a name that is no path of its own',
      resources.secrets,
      { namespace: 'a', name: '../x?y' },
      '/api/v1/namespaces/a/secrets/..%2Fx%3Fy',
    ],
  ])('leads to %s', (_, resource, ref, path) => {
    expect(pathOf(resource, ref)).toBe(path);
  });
});
