import type { Resource } from '../../../src/kube/resources.ts';
import { copyOf } from './api-object.ts';

/** A resource that the sandbox serves, with what discovery says of it. */
export interface ApiResource extends Resource {
  group: string;
  version: string;
  shortNames?: string[];
  /** `all` for what `kubectl get all` shows. */
  categories?: string[];
  subresources: string[];
  /** May a PUT leave out the resourceVersion? */
  unconditionalUpdate: boolean;
  /** Is the deleted object, rather than a Status, the answer to a DELETE? */
  returnsDeleted: boolean;
  /** `metadata.generation` counts the changes of `spec`. */
  hasGeneration: boolean;
  /** The minor versions of Kubernetes that serve it. */
  since?: number;
  until?: number;
}

type Row = Partial<ApiResource> & { kind: string; plural: string };

function group(apiVersion: string, rows: Row[]): ApiResource[] {
  const [name = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return rows.map((row) => ({
    apiVersion,
    group: name,
    version,
    namespaced: true,
    subresources: [],
    unconditionalUpdate: true,
    returnsDeleted: false,
    hasGeneration: false,
    ...row,
  }));
}

const workload = { categories: ['all'], subresources: ['status', 'scale'], hasGeneration: true };
const policy = { namespaced: false, unconditionalUpdate: false, hasGeneration: true };

const allResources: ApiResource[] = [
  ...group('v1', [
    {
      kind: 'Namespace',
      plural: 'namespaces',
      namespaced: false,
      shortNames: ['ns'],
      subresources: ['status', 'finalize'],
      returnsDeleted: true,
    },
    { kind: 'ServiceAccount', plural: 'serviceaccounts', shortNames: ['sa'], returnsDeleted: true },
    { kind: 'Secret', plural: 'secrets' },
    { kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'] },
    {
      kind: 'Pod',
      plural: 'pods',
      shortNames: ['po'],
      subresources: ['status'],
      returnsDeleted: true,
      categories: ['all'],
    },
    { kind: 'Event', plural: 'events', shortNames: ['ev'] },
    { kind: 'Service', plural: 'services', shortNames: ['svc'], subresources: ['status'], categories: ['all'] },
    { kind: 'Node', plural: 'nodes', namespaced: false, shortNames: ['no'], subresources: ['status'] },
  ]),
  ...group('apps/v1', [
    { kind: 'Deployment', plural: 'deployments', shortNames: ['deploy'], ...workload },
    { kind: 'ReplicaSet', plural: 'replicasets', shortNames: ['rs'], ...workload },
  ]),
  ...group('batch/v1', [{ kind: 'Job', plural: 'jobs', subresources: ['status'], categories: ['all'] }]),
  ...group('coordination.k8s.io/v1', [{ kind: 'Lease', plural: 'leases', unconditionalUpdate: false }]),
  ...group('admissionregistration.k8s.io/v1', [
    { kind: 'MutatingWebhookConfiguration', plural: 'mutatingwebhookconfigurations', ...policy },
    { kind: 'ValidatingWebhookConfiguration', plural: 'validatingwebhookconfigurations', ...policy },
    { kind: 'ValidatingAdmissionPolicy', plural: 'validatingadmissionpolicies', ...policy, since: 30 },
    { kind: 'ValidatingAdmissionPolicyBinding', plural: 'validatingadmissionpolicybindings', ...policy, since: 30 },
  ]),
  ...group('rbac.authorization.k8s.io/v1', [
    { kind: 'ClusterRole', plural: 'clusterroles', namespaced: false },
    { kind: 'ClusterRoleBinding', plural: 'clusterrolebindings', namespaced: false },
    { kind: 'Role', plural: 'roles' },
    { kind: 'RoleBinding', plural: 'rolebindings' },
  ]),
  ...group('networking.k8s.io/v1', [
    { kind: 'NetworkPolicy', plural: 'networkpolicies', shortNames: ['netpol'], hasGeneration: true },
  ]),
  ...group('policy/v1', [
    {
      kind: 'PodDisruptionBudget',
      plural: 'poddisruptionbudgets',
      shortNames: ['pdb'],
      hasGeneration: true,
      since: 21,
    },
  ]),
  ...group('policy/v1beta1', [
    {
      kind: 'PodDisruptionBudget',
      plural: 'poddisruptionbudgets',
      shortNames: ['pdb'],
      hasGeneration: true,
      until: 24,
    },
  ]),
];

/** `plural`, or `plural.group`: the name that errors and storage use. */
export function qualifiedName(resource: Pick<ApiResource, 'plural' | 'group'>): string {
  return resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
}

/** The resources that one version of Kubernetes serves. */
export class ApiResources {
  readonly all: ApiResource[];
  readonly #byPath: Map<string, ApiResource>;
  readonly #byKind: Map<string, ApiResource>;

  constructor(minor: number) {
    this.all = copyOf(allResources.filter((each) => minor >= (each.since ?? 0) && minor <= (each.until ?? Infinity)));
    this.#byPath = new Map(this.all.map((each) => [`${each.apiVersion}/${each.plural}`, each]));
    this.#byKind = new Map(this.all.map((each) => [`${each.apiVersion}/${each.kind}`, each]));
  }

  find(apiVersion: string, plural: string): ApiResource | undefined {
    return this.#byPath.get(`${apiVersion}/${plural}`);
  }

  ofKind(apiVersion: string, kind: string): ApiResource | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  /** The sandbox's own record of one of the resources that the service names. */
  of(resource: Resource): ApiResource {
    const found = this.find(resource.apiVersion, resource.plural);
    if (!found) throw new Error(`the sandbox does not serve ${resource.apiVersion} ${resource.plural}`);
    return found;
  }
}
