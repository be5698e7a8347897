import type { KubeObject, Pod, PodSpec, ServiceAccount } from '../../src/kube/objects.ts';
import { INSTANCE } from './test-bed.ts';

/** An image that the instance's token opens. */
export const MANAGED_IMAGE = `${INSTANCE.name}-registry-vpc.${INSTANCE.regionId}.cr.aliyuncs.com/team/demo:1`;
export const PUBLIC_IMAGE = 'registry.example.com/team/public:1';

interface WorkloadMeta {
  namespace: string;
  name: string;
  labels?: Record<string, string>;
}

/** A Pod that can be created as soon as its ServiceAccount exists: it does not wait for a ServiceAccount token. */
export function pod(metadata: WorkloadMeta, spec: PodSpec = {}): Pod {
  const automount = { automountServiceAccountToken: false };
  return { metadata, spec: { ...automount, containers: [{ name: 'main', image: MANAGED_IMAGE }], ...spec } };
}

export function deployment(metadata: WorkloadMeta, spec: PodSpec, replicas = 1): KubeObject & { spec: object } {
  const labels = { app: metadata.name };
  const template = { metadata: { labels }, spec: pod(metadata, spec).spec };
  return { metadata, spec: { replicas, selector: { matchLabels: labels }, template } };
}

export function serviceAccount(metadata: WorkloadMeta, imagePullSecrets: readonly string[] = []): ServiceAccount {
  const list = imagePullSecrets.map((name) => ({ name }));
  return { metadata, ...(list.length > 0 && { imagePullSecrets: list }) };
}

/** The names in a list of references, in its order. */
export function namesIn(list: readonly { name?: string }[] | undefined): (string | undefined)[] {
  return (list ?? []).map(({ name }) => name);
}
