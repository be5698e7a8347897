/** A resource of the Kubernetes API: where its objects live. */
export interface Resource {
  /** `v1`, or `group/version`. */
  apiVersion: string;
  kind: string;
  /** The path segment, which is also the name that metrics and logs use. */
  plural: string;
  namespaced: boolean;
}

const core = (kind: string, plural: string, namespaced = true): Resource => ({
  apiVersion: 'v1',
  kind,
  plural,
  namespaced,
});

export const resources = {
  namespaces: core('Namespace', 'namespaces', false),
  serviceAccounts: core('ServiceAccount', 'serviceaccounts'),
  secrets: core('Secret', 'secrets'),
  configMaps: core('ConfigMap', 'configmaps'),
  pods: core('Pod', 'pods'),
  events: core('Event', 'events'),
  deployments: { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', namespaced: true },
  leases: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases', namespaced: true },
  clusterRoles: {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    plural: 'clusterroles',
    namespaced: false,
  },
  mutatingWebhookConfigurations: {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    plural: 'mutatingwebhookconfigurations',
    namespaced: false,
  },
} as const satisfies Record<string, Resource>;

/** One object of a resource; `name` alone for cluster-scoped ones. */
export interface ObjectRef {
  namespace?: string;
  name: string;
}

/** The path of a collection (all namespaces when none is given) or of one object. */
export function pathOf(resource: Resource, ref: { namespace?: string; name?: string } = {}): string {
  const root = resource.apiVersion.includes('/') ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`;
  const scope = resource.namespaced && ref.namespace ? `/namespaces/${encodeURIComponent(ref.namespace)}` : '';
  const object = ref.name ? `/${encodeURIComponent(ref.name)}` : '';
  return `${root}${scope}/${resource.plural}${object}`;
}
