import { describe, expect, it } from 'vitest';
import { ApiResources } from './api-resources.ts';
import { discoveryDocuments } from './discovery.ts';
import { openApiDocuments } from './openapi.ts';

const version = { major: '1', minor: '20', gitVersion: 'v1.20.2' };

describe('discovery', () => {
  it('lists every resource under its group and version, with its subresources', () => {
    const documents = discoveryDocuments(new ApiResources(20), version);
    expect(documents.get('/version')).toMatchObject(version);
    expect(documents.get('/api')).toMatchObject({ versions: ['v1'] });
    expect(documents.get('/apis/apps')).toMatchObject({ preferredVersion: { groupVersion: 'apps/v1', version: 'v1' } });
    expect(documents.get('/apis/apps/v1')).toMatchObject({
      kind: 'APIResourceList',
      groupVersion: 'apps/v1',
      resources: [
        { name: 'deployments', kind: 'Deployment', namespaced: true, shortNames: ['deploy'], categories: ['all'] },
        { name: 'deployments/status', kind: 'Deployment' },
        { name: 'deployments/scale', kind: 'Scale', group: 'autoscaling' },
        { name: 'replicasets' },
        {},
        {},
      ],
    });
  });

  it('has what the version of Kubernetes has', () => {
    const has = (minor: number, path: string) => discoveryDocuments(new ApiResources(minor), version).has(path);
    expect([has(20, '/apis/policy/v1beta1'), has(20, '/apis/policy/v1')]).toEqual([true, false]);
    expect([has(30, '/apis/policy/v1beta1'), has(30, '/apis/policy/v1')]).toEqual([false, true]);
  });

  it('tells in OpenAPI v3 which resources can be patched with field validation', () => {
    const documents = openApiDocuments(new ApiResources(20));
    const index = documents.get('/openapi/v3') as { paths: Record<string, { serverRelativeURL: string }> };
    const { serverRelativeURL } = index.paths['apis/apps/v1']!;
    const { paths } = documents.get(serverRelativeURL) as { paths: Record<string, object> };
    expect(paths['/apis/apps/v1/deployments/{name}']).toMatchObject({
      patch: {
        'x-kubernetes-group-version-kind': { group: 'apps', version: 'v1', kind: 'Deployment' },
        parameters: expect.arrayContaining([
          expect.objectContaining({ name: 'fieldValidation', in: 'query' }),
        ]) as object[],
      },
    });
  });
});
