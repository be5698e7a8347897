import { asMap, without } from './api-object.ts';
import type { ApiObject, JsonMap } from './api-object.ts';

const withStatus = ['Namespace', 'Pod', 'Service', 'Node', 'Deployment', 'ReplicaSet', 'Job'];

/** What a write to an object, or to one of its subresources, may change of it. */
export function applySubresource(subresource: string, live: ApiObject, wanted: ApiObject): ApiObject {
  const { resourceVersion, managedFields } = wanted.metadata;
  const metadata = { ...live.metadata, resourceVersion, ...(managedFields && { managedFields }) };
  switch (subresource) {
    case 'status':
      return { ...live, metadata, status: wanted.status };
    case 'finalize':
      return { ...live, metadata, spec: { ...asMap(live.spec), finalizers: asMap(wanted.spec).finalizers } };
    case 'scale':
      return { ...live, metadata, spec: { ...asMap(live.spec), replicas: asMap(wanted.spec).replicas } };
    default:
      return withoutForeignParts(live, wanted);
  }
}

function withoutForeignParts(live: ApiObject, wanted: ApiObject): ApiObject {
  if (!withStatus.includes(live.kind)) return wanted;
  const kept: ApiObject = { ...without(wanted, 'status'), ...(live.status !== undefined && { status: live.status }) };
  if (live.kind === 'Namespace') kept.spec = { ...asMap(kept.spec), finalizers: asMap(live.spec).finalizers };
  return kept;
}

/** The Scale of a Deployment or ReplicaSet. */
export function scaleOf({ metadata, spec, status }: ApiObject): JsonMap {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: asMap(spec).replicas ?? 1 },
    status: { replicas: asMap(status).replicas ?? 0 },
  };
}
