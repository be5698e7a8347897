import type { TestProject } from 'vitest/node';
import { startCluster } from '../cluster/start-cluster.ts';

/** An API server of a current Kubernetes' machinery that lives as long as the run; its binary is what `MODERN_API_SERVER` names. */
export default async function setup(project: TestProject): Promise<() => PromiseLike<void>> {
  const cluster = await startCluster('modern-api-server.sh');
  project.provide('kubeconfig', cluster.kubeconfig);
  return () => cluster[Symbol.asyncDispose]();
}
