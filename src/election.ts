import type { Clock } from './clock.ts';
import type { KubeClient } from './kube/kube-client.ts';
import { Elector } from './leadership/elector.ts';
import { SoleLeadership, type Leadership } from './leadership/leadership.ts';
import { replicaIdentity } from './leadership/replica-identity.ts';
import type { ServeOptions } from './options.ts';
import type { Reporter } from './telemetry/reporter.ts';

/** Makes what tells whether this replica leads. */
export function createLeadership(
  surroundings: {
    options: ServeOptions;
    client: KubeClient;
    clock: Clock;
    environment: Readonly<Record<string, string | undefined>>;
  },
  reporter: Reporter,
): Leadership {
  const { client, clock, environment } = surroundings;
  const { namespace, leaderElect } = surroundings.options;
  const identity = replicaIdentity(environment);
  if (!leaderElect) return new SoleLeadership(identity);
  return new Elector({
    client,
    clock,
    namespace,
    identity,
    onFailure: (error, retryInMs) => reporter.failed('Lease', namespace, error, retryInMs),
    onWatchRestart: (error) => reporter.watchRestarted('leases', error),
  });
}
