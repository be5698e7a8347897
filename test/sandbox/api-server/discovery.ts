import type { ApiResource, ApiResources } from './api-resources.ts';

export interface KubernetesVersion {
  major: string;
  minor: string;
  gitVersion: string;
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** The documents that tell what a server serves, by path: `/version`, `/api`, `/apis`, `/api/v1`, `/apis/apps/v1`… */
export function discoveryDocuments(resources: ApiResources, version: KubernetesVersion): Map<string, object> {
  const groups = groupsOf(resources);
  const documents = new Map<string, object>([
    ['/version', { ...version, gitCommit: 'sandbox', gitTreeState: 'clean', platform: 'linux/amd64' }],
    [
      '/api',
      {
        kind: 'APIVersions',
        versions: ['v1'],
      },
    ],
    ['/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups }],
  ]);
  for (const group of groups) documents.set(`/apis/${group.name}`, { kind: 'APIGroup', apiVersion: 'v1', ...group });
  for (const [apiVersion, list] of byVersion(resources)) {
    const root = apiVersion.includes('/') ? 'apis' : 'api';
    documents.set(`/${root}/${apiVersion}`, {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: apiVersion,
      resources: list.flatMap(describe),
    });
  }
  return documents;
}

function byVersion({ all }: ApiResources): Map<string, ApiResource[]> {
  return Map.groupBy(all, ({ apiVersion }) => apiVersion);
}

function groupsOf({ all }: ApiResources) {
  const named = Map.groupBy(
    all.filter(({ group }) => group !== ''),
    ({ group }) => group,
  );
  return [...named].map(([name, resources]) => {
    const versions = [...new Set(resources.map(({ version }) => version))];
    const described = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions: described, preferredVersion: described[0] };
  });
}

function describe({ plural, kind, namespaced, shortNames, categories, subresources }: ApiResource): object[] {
  const itself = {
    name: plural,
    singularName: kind.toLowerCase(),
    namespaced,
    kind,
    verbs,
    ...(shortNames && { shortNames }),
    ...(categories && { categories }),
  };
  const parts = subresources.map((subresource) => ({
    name: `${plural}/${subresource}`,
    singularName: '',
    namespaced,
    ...(subresource === 'scale' ? { kind: 'Scale', group: 'autoscaling', version: 'v1' } : { kind }),
    verbs: ['get', 'patch', 'update'],
  }));
  return [itself, ...parts];
}
