import { resources } from '../../src/kube/resources.ts';
import { cloudFaults, type Fault as CloudFault } from '../sandbox/cloud/faults.ts';
import type { ClusterUser } from '../contract/cluster-user.ts';
import type { SandboxApiServer } from '../sandbox/api-server/sandbox-api-server.ts';
import type { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { NEW_NAMESPACE } from './controllers.ts';
import { SERVICE_USER, type ServiceInProcess } from './service-in-process.ts';

/** What the service works with and faults are in. */
export interface Surroundings {
  api: SandboxApiServer;
  cloud: CloudEmulator;
  user: ClusterUser;
}

/** Something that goes wrong around the service for a while. */
export interface Fault<S = Surroundings> {
  readonly name: string;
  /** For how long a test lets it last, in milliseconds. */
  readonly lastsMs: number;
  /** @returns what ends it. */
  begin: (surroundings: S) => (() => unknown) | Promise<() => unknown>;
  /** Nobody can change anything in the cluster meanwhile. */
  readonly takesClusterAway?: boolean;
  /** No token can be known to be live meanwhile: the webhook denies under `Fail`. */
  readonly deniesAdmission?: boolean;
}

const byService = { user: SERVICE_USER };
const DAY_MS = 24 * 3_600_000;
/** A stalled watch is given up after 50 s. */
const STALL_NOTICED_MS = 51_000;

export const clusterAndCloudFaults: readonly Fault[] = [
  {
    name: 'API server restarted',
    lastsMs: 1_500,
    takesClusterAway: true,
    begin: async ({ api }) => {
      await api.faults.refuseConnections();
      return () => api.faults.acceptConnections();
    },
  },
  {
    name: 'etcd frozen: requests hang',
    lastsMs: 2_000,
    begin: ({ api }) => {
      api.faults.freezeWatches(byService);
      const hanging = api.faults.delay(byService, 2_000);
      return () => {
        hanging.end();
        api.faults.dropWatches(byService);
      };
    },
  },
  {
    name: '410 storm',
    lastsMs: 2_000,
    begin: ({ api }) => {
      const expired = api.faults.fail({ ...byService, verb: 'watch' }, { code: 410, reason: 'Expired' });
      api.faults.dropWatches(byService);
      return () => expired.end();
    },
  },
  {
    name: '429 with Retry-After',
    lastsMs: 2_000,
    begin: ({ api }) => {
      const busy = api.faults.fail(byService, { code: 429, retryAfterSeconds: 1 });
      api.faults.dropWatches(byService);
      return () => busy.end();
    },
  },
  {
    name: '409 on every write',
    lastsMs: 2_000,
    begin: ({ api }) => {
      const conflict = api.faults.fail({ ...byService, verb: ['patch', 'update', 'create'] }, { code: 409 });
      return () => conflict.end();
    },
  },
  {
    name: 'quota exceeded',
    lastsMs: 1_500,
    begin: ({ api }) => {
      const quota = api.faults.exceedQuota('secrets', NEW_NAMESPACE);
      return () => quota.end();
    },
  },
  {
    name: 'namespaces terminating',
    lastsMs: 1_500,
    begin: async ({ user }) => {
      const names = Array.from({ length: 20 }, () => `team-short-lived-${crypto.randomUUID()}`);
      await Promise.all(
        names.map(async (name) => {
          await user.create(resources.namespaces, { metadata: { name } });
          await user.delete(resources.namespaces, { name });
        }),
      );
      return () => undefined;
    },
  },
  cloudFault('cloud down', 1_500, cloudFaults.reset),
  // The call is given up after 10 s.
  cloudFault('cloud slow (30 s)', 9_000, cloudFaults.slow(30_000)),
  cloudFault('cloud answers HTML', 1_500, cloudFaults.htmlError),
  cloudFault('cloud answers half a JSON', 1_500, cloudFaults.nonsense),
  cloudFault('cloud answers nothing', 1_500, cloudFaults.nothing),
  cloudFault('cloud: 200 with an error', 1_500, cloudFaults.failure('SYSTEM_ERROR')),
  cloudFault('cloud: empty token', 1_500, cloudFaults.emptyToken),
  cloudFault('cloud: token expired long ago', 1_500, cloudFaults.expiredToken),
  cloudFault('cloud: token that ends beyond all dates', 1_500, cloudFaults.endlessToken),
];

/** Those that need the service's own clock. */
const timeFaults: readonly Fault<ServiceInProcess>[] = [
  {
    name: 'watches stalled without an error',
    lastsMs: 500,
    begin: (service) => {
      service.api.faults.freezeWatches(byService);
      return () => service.pass(STALL_NOTICED_MS);
    },
  },
  {
    name: 'clock a day ahead',
    lastsMs: 1_500,
    deniesAdmission: true,
    begin: ({ clock }) => {
      clock.set(DAY_MS);
      return () => clock.set(-DAY_MS);
    },
  },
  {
    name: 'clock a day behind',
    lastsMs: 1_500,
    begin: ({ clock }) => {
      clock.set(-DAY_MS);
      return () => clock.set(DAY_MS);
    },
  },
];

export const faults: readonly Fault<ServiceInProcess>[] = [...clusterAndCloudFaults, ...timeFaults];

function cloudFault(name: string, lastsMs: number, fault: CloudFault): Fault {
  return { name, lastsMs, begin: ({ cloud }) => cloud.faults.add(fault) };
}
