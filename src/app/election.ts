import type { Surroundings } from './components.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import { Elector } from '../leadership/elector.ts';
import { LEASE_NAME } from '../leadership/lease.ts';
import { SoleLeadership, type Leadership } from '../leadership/leadership.ts';
import { replicaIdentity } from '../leadership/replica-identity.ts';
import { ConfigMapEvents } from '../telemetry/config-map-events.ts';
import type { Reporter } from '../telemetry/reporter.ts';

/**
 * Makes what tells whether this replica leads.
 * @param events those of every replica, as somebody has to say it where none leads.
 */
export function createLeadership(
  { options, client, clock, logger, environment }: Surroundings,
  reporter: Reporter,
  events: Pick<EventRecorder, 'record'>,
): Leadership {
  const { namespace, leaderElect, configMap } = options;
  const identity = replicaIdentity(environment);
  if (!leaderElect) return new SoleLeadership(identity);
  const configMapEvents = new ConfigMapEvents(events, configMap);
  const onSuspended = (until: number) => {
    const time = new Date(until).toISOString();
    const remedy = `kubectl delete lease -n ${namespace} ${LEASE_NAME}`;
    logger.warn({ until: time, remedy }, 'nobody may lead, as the clean-up holds the Lease');
    const message = `Nothing is renewed or written until ${time}, as "cleanup" holds the Lease. To go on at once: ${remedy}.`;
    configMapEvents.record({ reason: 'KeptStillByCleanup', message });
  };
  return new Elector({
    client,
    clock,
    namespace,
    identity,
    onFailure: (error, retryInMs) => reporter.failed('Lease', namespace, error, retryInMs),
    onSuspended,
    onWatchRestart: (error) => reporter.watchRestarted('leases', error),
  });
}
