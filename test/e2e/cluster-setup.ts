import type { TestProject } from 'vitest/node';
import { startCluster } from '../cluster/start-cluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of an administrator's kubeconfig. */
    kubeconfig: string;
  }
}

/** The real cluster of the end-to-end tests: that of `E2E_KUBECONFIG`, or a control plane that lives as long as the run. */
export default async function setup(project: TestProject): Promise<(() => PromiseLike<void>) | undefined> {
  const given = process.env.E2E_KUBECONFIG;
  if (given) {
    project.provide('kubeconfig', given);
    return undefined;
  }
  const cluster = await startCluster('control-plane.sh');
  project.provide('kubeconfig', cluster.kubeconfig);
  return () => cluster[Symbol.asyncDispose]();
}
