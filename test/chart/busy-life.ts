import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { KubeApiError } from '../../src/errors.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { ConfigMap, MutatingWebhookConfiguration, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources, type ObjectRef, type Resource } from '../../src/kube/resources.ts';
import { ClusterUser } from '../contract/cluster-user.ts';
import { eventually } from '../contract/eventually.ts';
import { freePorts } from '../contract/free-ports.ts';
import { ServiceProcess } from '../contract/service-process.ts';
import type { LoggedRequest } from '../sandbox/api-server/request-log.ts';
import { SandboxApiServer } from '../sandbox/api-server/sandbox-api-server.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';

const USER = 'system:serviceaccount:acr:acr-credential-injector';
const accessKey = { accessKeyId: 'LTAI5tBusyLife', accessKeySecret: 'access-key-secret-of-a-busy-life' };
const registration = { name: 'zz-acr-credential-injector' };
const pullSecret = { namespace: 'default', name: 'acr-credential-secret-aggregation' };

/**
 * Runs the service in the sandbox, in the namespace `acr` and behind its Service, lets it attach, register, repair, complain,
 * detach and delete, and returns all that it asked the API server for.
 * @param flags of `serve`, by name.
 */
export async function requestsOfABusyLife(flags: Readonly<Record<string, string>>): Promise<LoggedRequest[]> {
  const folder = await mkdtemp(join(tmpdir(), 'acr-credential-injector-busy-life-'));
  await using api = await SandboxApiServer.start();
  await using cloud = await CloudEmulator.start();
  cloud.addAccount(accessKey);
  cloud.addInstance({ instanceId: 'cri-demo', regionId: 'cn-hangzhou', name: 'demo' });
  await writeFile(join(folder, 'service'), api.kubeconfig(USER));
  await writeFile(join(folder, 'admin'), api.kubeconfig());

  const listen = `127.0.0.1:${await freePorts(1)}`;
  api.resolveService = (namespace, name) =>
    `${namespace}/${name}` === 'acr/acr-credential-injector' ? listen : undefined;
  const endpoints = { 'cr-endpoint': cloud.url, 'metadata-endpoint': cloud.url };
  await using service = new ServiceProcess({
    kubeconfig: join(folder, 'service'),
    environment: { POD_NAMESPACE: 'acr' },
    // The sandbox knows no ClusterRole that could own the registration.
    flags: { ...flags, ...endpoints, listen, 'webhook-url': '', 'owner-cluster-role': '', drain: '0s' },
  });
  const connection = KubeConnection.load(join(folder, 'admin'), systemClock);
  const life = new BusyLife(connection, service);
  try {
    await life.begin();
    await life.attach();
    await life.register();
    await life.complain(() =>
      api.requests.of({ verb: 'create', resource: 'events' }).some(({ user }) => user === USER),
    );
    await life.detach();
    return api.requests.all.filter(({ user }) => user === USER);
  } catch (error) {
    throw new Error(`${String(error)}\n${service.output.slice(-4_000)}`, { cause: error });
  } finally {
    await connection.close();
    await rm(folder, { recursive: true });
  }
}

class BusyLife {
  readonly #reader: KubeClient;
  readonly #admin: ClusterUser;
  readonly #service: ServiceProcess;

  constructor(connection: KubeConnection, service: ServiceProcess) {
    this.#reader = new KubeClient(connection);
    this.#admin = new ClusterUser(connection);
    this.#service = service;
  }

  async begin(): Promise<void> {
    await this.#admin.create(resources.namespaces, { metadata: { name: 'acr' } });
    await this.#admin.create<Secret>(resources.secrets, {
      metadata: { namespace: 'acr', name: 'alibaba-addon-secret' },
      data: { 'access-key-id': btoa(accessKey.accessKeyId), 'access-key-secret': btoa(accessKey.accessKeySecret) },
    });
    await this.#configure({});
    await this.#service.start();
  }

  async attach(): Promise<void> {
    const account = { namespace: 'default', name: 'default' };
    await eventually(async () => {
      const { imagePullSecrets = [] } = await this.#reader.get<ServiceAccount>(resources.serviceAccounts, account);
      return imagePullSecrets.some(({ name }) => name === pullSecret.name);
    });
  }

  async register(): Promise<void> {
    await this.#configure({ 'webhook-configuration': 'enable: true' });
    await this.#service.ready();
    await this.#admin.merge(resources.mutatingWebhookConfigurations, registration, { webhooks: [] });
    await eventually(async () => {
      const resource = resources.mutatingWebhookConfigurations;
      const { webhooks = [] } = await this.#reader.get<MutatingWebhookConfiguration>(resource, registration);
      return webhooks.length > 0;
    });
    await eventually(async () => (await this.#service.metric('self_test_success')) === 1);
  }

  async complain(hasComplained: () => boolean): Promise<void> {
    await this.#configure({ 'expiring-threshold': 'soon' });
    await eventually(hasComplained);
  }

  async detach(): Promise<void> {
    await this.#configure({ 'watch-namespace': 'nowhere' });
    await eventually(() => this.#isGone(resources.mutatingWebhookConfigurations, registration));
    await eventually(() => this.#isGone(resources.secrets, pullSecret));
  }

  #configure(changes: Readonly<Record<string, string>>): Promise<ConfigMap> {
    const data = { 'acr-registry-info': '- instanceId: cri-demo\n  regionId: cn-hangzhou\n', ...changes };
    const metadata = { namespace: 'kube-system', name: 'acr-configuration' };
    return this.#admin.apply<ConfigMap>(resources.configMaps, { metadata, data });
  }

  async #isGone(resource: Resource, ref: ObjectRef): Promise<boolean> {
    try {
      await this.#reader.get(resource, ref);
      return false;
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return true;
      throw error;
    }
  }
}
