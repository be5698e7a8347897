import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { KubeConnection } from '../src/kube/connection.ts';
import { resources } from '../src/kube/resources.ts';
import { ClusterUser } from '../test/contract/cluster-user.ts';
import { PULL_SECRET } from '../test/contract/pull-secret-check.ts';
import { SandboxApiServer } from '../test/sandbox/api-server/sandbox-api-server.ts';
import { CloudEmulator } from '../test/sandbox/cloud/cloud-emulator.ts';
import { childOptions, offer, tellReady } from './child.ts';
import type { ClusterOptions } from './cluster.ts';
import { configurationOf, renewTokens, writeConfiguration } from './configuration.ts';
import { defaultAccountsOf, namespacesOf, serviceAccountsIn } from './large-cluster.ts';

/** As `nice` counts. */
const BEHIND_THE_SERVICE = 10;

/** A cluster and a cloud of the sandbox, in a process of their own: what they do takes nothing from the service's time. */
const options = childOptions() as ClusterOptions;
// An API server has machines of its own: where both want one of two cores, the service is what is measured.
setPriority(BEHIND_THE_SERVICE);
const { namespaces, serviceAccounts = 0 } = options;
const api = await SandboxApiServer.start({ historySize: 1_000_000 });
const cloud = await CloudEmulator.start();
const folder = mkdtempDisposableSync(join(tmpdir(), 'acr-credential-injector-bench-'));
process.once('exit', () => folder.remove());
const kubeconfig = join(folder.path, 'kubeconfig');
writeFileSync(kubeconfig, api.kubeconfig(), { mode: 0o600 });
const user = new ClusterUser(KubeConnection.load(kubeconfig, systemClock));
await writeConfiguration(user, cloud, configurationOf(options), options.registries);
api.seed(resources.serviceAccounts, defaultAccountsOf(namespaces));
api.seed(resources.serviceAccounts, serviceAccountsIn(namespaces, serviceAccounts));
api.seed(resources.namespaces, namespacesOf(namespaces));
const own = { userAgent: /^acr-credential-injector/ };
const isPullSecret = { ...own, resource: 'secrets', name: PULL_SECRET };

offer({
  /** Has every watch end, and begin again with a list. */
  relist: () => {
    api.faults.expireHistory();
    api.faults.dropWatches();
  },
  /** Has the service ask for new tokens at once. */
  renew: () => renewTokens(user),
  /** How often the service has written anything, its Lease and Events not counted. */
  writes: () =>
    api.requests.writes(own).filter(({ resource }) => resource !== 'leases' && resource !== 'events').length,
  openWatches: () => api.openWatches,
  addServiceAccounts: (count: number) => api.seed(resources.serviceAccounts, serviceAccountsIn(namespaces, count)),
  pullSecretWrites: () => api.requests.writes(isPullSecret).length,
  /** Of the service's last write to each namespace. */
  pullSecretBytes: () => {
    const bytes = api.requests.writes(isPullSecret).map(({ path, body }) => [path, Buffer.byteLength(body)] as const);
    return [...new Map(bytes).values()].reduce((sum, each) => sum + each, 0);
  },
  forgetRequests: () => api.requests.clear(),
});
tellReady({ kubeconfig, cloudUrl: cloud.url });
