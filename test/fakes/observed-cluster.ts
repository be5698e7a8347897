import { observeCluster, type ObservedCluster } from '../../src/app/cluster-state.ts';
import type { ManualClock } from './manual-clock.ts';
import type { MemoryApi } from './memory-api.ts';

export const SECRET_NAME = 'pull';

/** The service's copies of what the API holds, kept current until `signal` fires. */
export async function observedCluster(
  client: MemoryApi,
  clock: ManualClock,
  signal: AbortSignal,
): Promise<ObservedCluster> {
  const observed = observeCluster({
    client,
    clock,
    secretName: SECRET_NAME,
    ownNamespace: 'acr',
    onWatchRestart: () => undefined,
  });
  for (const part of [observed.namespaces, observed.serviceAccounts, observed.pullSecrets]) void part.run(signal);
  await clock.pass(0);
  return observed;
}
