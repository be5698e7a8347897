import type { ApiResource, ApiResources } from './api-resources.ts';

/**
 * The OpenAPI v3 documents, by path, as far as kubectl and Helm ask before they write: which resources know the query
 * parameters `dryRun` and `fieldValidation`. There are no schemas.
 */
export function openApiDocuments({ all }: ApiResources): Map<string, object> {
  const groups = Map.groupBy(all, ({ apiVersion }) =>
    apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`,
  );
  const index = Object.fromEntries(
    [...groups.keys()].map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}` }] as const),
  );
  const documents = new Map<string, object>([['/openapi/v3', { paths: index }]]);
  for (const [path, resources] of groups) {
    documents.set(`/openapi/v3/${path}`, {
      openapi: '3.0.0',
      info: { title: 'Kubernetes', version: 'sandbox' },
      paths: Object.fromEntries(
        resources.map((resource) => [`/${path}/${resource.plural}/{name}`, pathItem(resource)]),
      ),
    });
  }
  return documents;
}

function pathItem({ group, version, kind }: ApiResource): object {
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
    name,
    in: 'query',
    schema: { type: 'string', uniqueItems: true },
  }));
  return {
    patch: {
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': { group, version, kind },
      parameters,
      responses: { 200: { description: 'OK' } },
    },
  };
}
