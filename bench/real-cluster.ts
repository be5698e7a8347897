import { systemClock } from '../src/clock.ts';
import { KubeConnection } from '../src/kube/connection.ts';
import { KubeClient } from '../src/kube/kube-client.ts';
import { resources } from '../src/kube/resources.ts';
import { ClusterUser } from '../test/contract/cluster-user.ts';
import { runAtOnce } from '../test/contract/run-at-once.ts';
import type { ServiceProcess } from '../test/contract/service-process.ts';
import { startCluster } from '../test/cluster/start-cluster.ts';
import { CloudEmulator } from '../test/sandbox/cloud/cloud-emulator.ts';
import { endService, serviceIn } from './cluster.ts';
import { configurationOf, writeConfiguration, type Configuration } from './configuration.ts';

export interface RealCluster extends AsyncDisposable {
  kubeconfig: string;
  connection: KubeConnection;
  /** For reading. */
  client: KubeClient;
  user: ClusterUser;
  service: ServiceProcess;
  makeNamespaces: (names: readonly string[]) => Promise<void>;
}

/** A control plane of its own with a real API server, an emulated cloud, and the service between them. */
export async function startRealCluster(configuration: Configuration = {}): Promise<RealCluster> {
  await using started = new AsyncDisposableStack();
  const { kubeconfig } = started.use(await startCluster('control-plane.sh'));
  const cloud = started.use(await CloudEmulator.start());
  const connection = KubeConnection.load(kubeconfig, systemClock);
  started.defer(() => connection.close());
  const user = new ClusterUser(connection);
  await writeConfiguration(user, cloud, configurationOf({ configuration }));
  const service = started.adopt(serviceIn({ kubeconfig, cloudUrl: cloud.url }), endService);
  await service.start();
  await service.ready();
  const parts = started.move();
  return {
    kubeconfig,
    connection,
    client: new KubeClient(connection),
    user,
    service,
    makeNamespaces: (names) =>
      runAtOnce(16, names, (name) => user.create(resources.namespaces, { metadata: { name } })),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
