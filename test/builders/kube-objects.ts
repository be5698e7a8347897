import type { Namespace, ObjectMeta, Pod, PodSpec, Secret, ServiceAccount } from '../../src/kube/objects.ts';

export function namespaceNamed(name: string, metadata: ObjectMeta = {}): Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...metadata }, status: { phase: 'Active' } };
}

/** @param key `namespace/name`. @param pullSecrets names. */
export function serviceAccountAt(key: string, pullSecrets?: string[], metadata: ObjectMeta = {}): ServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { ...refAt(key), ...metadata },
    ...(pullSecrets && { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
  };
}

/** A Pod of one container with this image. */
export function podAt(key: string, image: string, spec: PodSpec = {}, metadata: ObjectMeta = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...refAt(key), ...metadata },
    spec: { containers: [{ name: 'app', image }], ...spec },
  };
}

export function secretAt(
  key: string,
  fields: Partial<Omit<Secret, 'metadata'>> = {},
  metadata: ObjectMeta = {},
): Secret {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { ...refAt(key), ...metadata }, ...fields };
}

export function refAt(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

/** Of `metadata.managedFields`: that a manager wrote `imagePullSecrets` of a ServiceAccount. */
export function listOwnedBy(manager: string): NonNullable<ObjectMeta['managedFields']>[number] {
  return {
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:imagePullSecrets': {} },
  };
}
