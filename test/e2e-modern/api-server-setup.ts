import type { TestProject } from 'vitest/node';
import { startCluster } from '../e2e/cluster-setup.ts';

/** An API server of a current Kubernetes' machinery that lives as long as the run; its binary is what `MODERN_API_SERVER` names. */
export default function setup(project: TestProject): Promise<() => void> {
  return startCluster(project, 'modern-api-server.sh');
}
