import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { resources as known } from '../../../src/kube/resources.ts';
import { asMap } from './api-object.ts';
import type { ApiObject, JsonMap } from './api-object.ts';
import type { ApiResource } from './api-resources.ts';
import { queueOf, writeAs } from './controller-context.ts';
import type { ControllerContext } from './controller-context.ts';
import type { StoredObject } from './object-store.ts';

const hashLabel = 'pod-template-hash';

/** Makes ReplicaSets of Deployments. An old template's ReplicaSet goes down to 0 at once: there is no rolling update. */
export function startDeploymentController(context: ControllerContext): void {
  const { store, writer, resources } = context;
  const deployments = resources.of(known.deployments);
  const replicaSets = replicaSetsOf(context);
  const write = writeAs('deployment-controller');

  const scale = async ({ namespace, name, object }: StoredObject, replicas: number) => {
    if (asMap(object.spec).replicas === replicas) return;
    const target = { resource: replicaSets, namespace, name };
    await writer.change(
      target,
      { next: (live) => ({ ...live, spec: { ...asMap(live?.spec), replicas } }) as ApiObject },
      write,
    );
  };

  const reconcile = async (key: string) => {
    const [namespace = '', name = ''] = key.split('/');
    const deployment = store.get(deployments, namespace, name);
    if (!deployment || deployment.object.metadata.deletionTimestamp) return;
    const replicas = Number(asMap(deployment.object.spec).replicas);
    const wanted = replicaSetOf(deployment.object);
    const owned = store.list(replicaSets, namespace).filter(({ object }) => isOwnedBy(object, deployment.object));
    const current = owned.find((each) => each.name === wanted.metadata.name);
    if (current) await scale(current, replicas);
    else await writer.create({ resource: replicaSets, namespace, name: '' }, wanted, write);
    for (const old of owned.filter((each) => each !== current)) await scale(old, 0);
    const observedGeneration = deployment.object.metadata.generation;
    const status = { observedGeneration, replicas, updatedReplicas: replicas, unavailableReplicas: replicas };
    await writeStatus(context, deployment, status, 'deployment-controller');
  };

  const queue = queueOf(context, reconcile);
  store.subscribe(({ type, stored, resource }) => {
    if (resource === deployments && type !== 'DELETED') queue.add(`${stored.namespace}/${stored.name}`);
    const owner = stored.object.metadata.ownerReferences?.find(({ controller }) => controller);
    if (resource === replicaSets && type === 'DELETED' && owner) queue.add(`${stored.namespace}/${owner.name}`);
  });
}

/** Makes Pods of ReplicaSets; a Pod that is refused is tried again with back-off. */
export function startReplicaSetController(context: ControllerContext): void {
  const { store, writer, resources } = context;
  const replicaSets = replicaSetsOf(context);
  const pods = resources.of(known.pods);
  const write = writeAs('replicaset-controller');

  const reconcile = async (key: string) => {
    const [namespace = '', name = ''] = key.split('/');
    const replicaSet = store.get(replicaSets, namespace, name);
    if (!replicaSet || replicaSet.object.metadata.deletionTimestamp) return;
    const present = store.list(pods, namespace).filter(({ object }) => isOwnedBy(object, replicaSet.object));
    const missing = Number(asMap(replicaSet.object.spec).replicas) - present.length;
    for (let count = 0; count < missing; count++) {
      await writer.create({ resource: pods, namespace, name: '' }, podOf(replicaSet.object), write);
    }
    for (const pod of present.slice(0, Math.max(-missing, 0))) await writer.delete(pod, write);
    await writeStatus(context, replicaSet, { replicas: present.length + missing }, 'replicaset-controller');
  };

  const queue = queueOf(context, reconcile);
  store.subscribe(({ type, stored, resource }) => {
    if (resource === replicaSets && type !== 'DELETED') queue.add(`${stored.namespace}/${stored.name}`);
    const owner = stored.object.metadata.ownerReferences?.find(({ controller }) => controller);
    if (resource === pods && type === 'DELETED' && owner) queue.add(`${stored.namespace}/${owner.name}`);
  });
}

function replicaSetsOf({ resources }: ControllerContext): ApiResource {
  return resources.of({ apiVersion: 'apps/v1', kind: 'ReplicaSet', plural: 'replicasets', namespaced: true });
}

async function writeStatus(
  context: ControllerContext,
  stored: StoredObject,
  status: JsonMap,
  as: string,
): Promise<void> {
  if (isDeepStrictEqual(stored.object.status, status)) return;
  const { resource, namespace, name } = stored;
  if (!context.store.get(resource, namespace, name)) return;
  const target = { resource, namespace, name, subresource: 'status' };
  await context.writer.change(target, { next: (live) => ({ ...live, status }) as ApiObject }, writeAs(as));
}

function isOwnedBy({ metadata }: ApiObject, owner: ApiObject): boolean {
  return metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) ?? false;
}

function controllerReference({ apiVersion, kind, metadata }: ApiObject): JsonMap {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true };
}

function replicaSetOf(deployment: ApiObject) {
  const spec = asMap(deployment.spec);
  const template = asMap(spec.template);
  const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
  const metadata = asMap(template.metadata);
  const labels = { ...asMap(metadata.labels), [hashLabel]: hash };
  const selector = asMap(spec.selector);
  return {
    metadata: {
      name: `${deployment.metadata.name ?? ''}-${hash}`,
      labels,
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: spec.replicas,
      selector: { ...selector, matchLabels: { ...asMap(selector.matchLabels), [hashLabel]: hash } },
      template: { ...template, metadata: { ...metadata, labels } },
    },
  };
}

function podOf(replicaSet: ApiObject): JsonMap {
  const template = asMap(asMap(replicaSet.spec).template);
  const { labels, annotations } = asMap(template.metadata);
  const metadata = {
    generateName: `${replicaSet.metadata.name ?? ''}-`,
    labels,
    annotations,
    ownerReferences: [controllerReference(replicaSet)],
  };
  return { metadata, spec: template.spec };
}
