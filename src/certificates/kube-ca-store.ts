import type { Clock } from '../clock.ts';
import { KubeApiError } from '../errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Secret } from '../kube/objects.ts';
import { Reflector, type Reduced } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import { CA_SECRET_NAME } from './ca-secret.ts';
import type { CaStore } from './certificate-authority.ts';

export interface KubeCaStoreOptions {
  client: Pick<KubeClient, 'get' | 'apply' | 'list' | 'watch'>;
  clock: Clock;
  /** The own namespace. */
  namespace: string;
  onWatchRestart: (error: unknown) => void;
}

/** The CA's Secret in the own namespace of the cluster. */
export function kubeCaStore({ client, clock, namespace, onWatchRestart }: KubeCaStoreOptions): CaStore {
  return {
    async load(signal) {
      const ref = { namespace, name: CA_SECRET_NAME };
      return await unlessStatus([404], client.get<Secret>(resources.secrets, ref, { signal }));
    },
    async save(secret, signal) {
      // Server-side apply is what rights by name allow for creating, too; a resourceVersion is a precondition to it.
      const write = client.apply(resources.secrets, secret, { signal });
      return (await unlessStatus([404, 409], write)) !== undefined; // 404: deleted since it was loaded
    },
    async watch(onChange, signal) {
      const reflector = new Reflector<Secret, Reduced>({
        client,
        clock,
        resource: resources.secrets,
        namespace,
        fieldSelector: `metadata.name=${CA_SECRET_NAME}`,
        reduce: ({ metadata }) => ({ resourceVersion: metadata.resourceVersion ?? '' }),
        onRestart: onWatchRestart,
      });
      reflector.subscribe(onChange);
      await reflector.run(signal);
    },
  };
}

async function unlessStatus<T>(statuses: number[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof KubeApiError && statuses.includes(error.status)) return undefined;
    throw error;
  }
}
