import { afterAll, beforeAll, beforeEach } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeApiError } from '../../src/errors.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { ConfigMap, KubeObject, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources, type ObjectRef, type Resource } from '../../src/kube/resources.ts';
import type { SandboxOptions } from '../sandbox/api-server/sandbox-api-server.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { clusterUnderTest, isSandbox, type ClusterUnderTest } from './cluster-under-test.ts';
import { ClusterUser } from './cluster-user.ts';
import { eventually } from './eventually.ts';
import { isLive, PULL_SECRET } from './pull-secret-check.ts';
import { runAtOnce } from './run-at-once.ts';
import { ServiceProcess } from './service-process.ts';
import { uniqueName } from './unique-name.ts';

/** What the service promises for everything that is not a matter of the cloud. */
export const PROMISED_MS = 2_000;
export const REGISTRATION = 'zz-acr-credential-injector';
export const ACCESS_KEY = { accessKeyId: 'LTAI5tContractSuite', accessKeySecret: 'contract-suite-access-key-secret-0' };
export const INSTANCE = { instanceId: 'cri-demo', regionId: 'cn-hangzhou', name: 'demo' };

/** Data of the ConfigMap; `undefined` takes a key away. */
export type Configuration = Readonly<Record<string, string | undefined>>;

export interface BedOptions {
  /** What differs from {@link TestBed.configuration}'s defaults; null: there is no ConfigMap. */
  configuration?: Configuration | null;
  /** Is the AccessKey pair there from the start? Default: true. */
  credentials?: boolean;
  /** Default: 1 h. */
  tokenLifeMs?: number;
  /** How many namespaces the configuration names beforehand. Default: 40. */
  targetCount?: number;
  flags?: Readonly<Record<string, string>>;
  sandbox?: SandboxOptions;
  /** Default: a name of its own for each bed. */
  ownNamespace?: string;
  /** `namespace/name`. Default: `acr-configuration` in the own namespace. */
  configMap?: string;
  /** Makes the service's own kubeconfig of an administrator's. Default: it is an administrator. */
  serviceKubeconfig?: (administrator: string) => Promise<string>;
  /** Default: true. */
  started?: boolean;
}

/** A cluster, a cloud, and the service between them, with everything that a test makes removed in the end. */
export class TestBed implements AsyncDisposable {
  readonly ownNamespace: string;
  readonly #options: BedOptions;
  readonly #targets: readonly string[];
  readonly #made: string[] = [];
  #nextTarget = 0;
  #parts:
    | {
        cluster: ClusterUnderTest;
        cloud: CloudEmulator;
        client: KubeClient;
        user: ClusterUser;
        service: ServiceProcess;
        newReplica: (flags?: Readonly<Record<string, string>>) => ServiceProcess;
      }
    | undefined;

  constructor(options: BedOptions = {}) {
    this.#options = options;
    this.ownNamespace = options.ownNamespace ?? uniqueName('acr-own');
    const prefix = uniqueName('target');
    this.#targets = Array.from({ length: options.targetCount ?? 40 }, (_, index) => `${prefix}-${index}`);
  }

  async start(): Promise<void> {
    const { sandbox, tokenLifeMs, credentials = true, configuration, started = true } = this.#options;
    const cluster = await clusterUnderTest(sandbox);
    const cloud = await CloudEmulator.start({ tokenLifeMs });
    cloud.addAccount(ACCESS_KEY);
    cloud.addInstance(INSTANCE);
    const connection = KubeConnection.load(cluster.kubeconfig, systemClock);
    const user = new ClusterUser(connection);
    // One of the same name may still be going.
    const own = { metadata: { name: this.ownNamespace } };
    await eventually(() => user.create(resources.namespaces, own), { withinMs: 30_000 });
    const flags = {
      namespace: this.ownNamespace,
      'config-map': this.configMap,
      'cr-endpoint': cloud.url,
      'metadata-endpoint': cloud.url,
      ...this.#options.flags,
    };
    const kubeconfig = (await this.#options.serviceKubeconfig?.(cluster.kubeconfig)) ?? cluster.kubeconfig;
    const newReplica = (more: Readonly<Record<string, string>> = {}) =>
      new ServiceProcess({ kubeconfig, flags: { ...flags, ...more } });
    const service = newReplica();
    const client = new KubeClient(connection);
    this.#parts = { cluster, cloud, client, user, service, newReplica };
    if (credentials) await this.giveCredentials();
    if (configuration !== null) await this.configure();
    if (!started) return;
    await service.start();
    await service.ready();
  }

  get cluster(): ClusterUnderTest {
    return this.#started.cluster;
  }

  get cloud(): CloudEmulator {
    return this.#started.cloud;
  }

  /** For reading: what it writes would bear the service's own name. */
  get client(): KubeClient {
    return this.#started.client;
  }

  get user(): ClusterUser {
    return this.#started.user;
  }

  get service(): ServiceProcess {
    return this.#started.service;
  }

  /** One more process of the same service, not started yet. @param flags beside those of {@link service}. */
  newReplica(flags?: Readonly<Record<string, string>>): ServiceProcess {
    return this.#started.newReplica(flags);
  }

  /** The ConfigMap's data as the test file starts with it. */
  get configuration(): Configuration {
    return {
      'acr-registry-info': `- instanceId: ${INSTANCE.instanceId}\n  regionId: ${INSTANCE.regionId}\n`,
      'watch-namespace': this.#targets.join(','),
      'service-account': '*',
      'webhook-configuration': 'enable: true\nfailure-policy: Ignore\ntimeout-seconds: 10\n',
      ...this.#options.configuration,
    };
  }

  /** `namespace/name` of the ConfigMap. */
  get configMap(): string {
    return this.#options.configMap ?? `${this.ownNamespace}/acr-configuration`;
  }

  /** Writes the ConfigMap: {@link configuration} with these changes. */
  configure(changes: Configuration = {}): Promise<ConfigMap> {
    const data = Object.entries({ ...this.configuration, ...changes }).filter(([, text]) => text !== undefined);
    const [namespace, name] = this.configMap.split('/');
    return this.user.apply<ConfigMap>(resources.configMaps, {
      metadata: { namespace, name },
      data: Object.fromEntries(data) as Record<string, string>,
    });
  }

  /** {@link configure}, with something that changes, and waits until the service goes by it. */
  async enforce(changes: Configuration = {}): Promise<void> {
    const reloads = () => this.service.metric('config_reloads_total', { result: 'accepted' });
    const before = await reloads();
    await this.configure(changes);
    await eventually(async () => (await reloads()) > before, { withinMs: PROMISED_MS });
  }

  /** Writes the AccessKey pair where the service looks for it. */
  giveCredentials(pair: typeof ACCESS_KEY = ACCESS_KEY): Promise<Secret> {
    return this.user.apply<Secret>(resources.secrets, {
      metadata: { namespace: this.ownNamespace, name: 'alibaba-addon-secret' },
      data: { 'access-key-id': btoa(pair.accessKeyId), 'access-key-secret': btoa(pair.accessKeySecret) },
    });
  }

  /** The name of one more namespace that the configuration selects; it is not made yet. */
  nextTarget(): string {
    const name = this.#targets[this.#nextTarget++];
    if (name === undefined) throw new Error('the configuration names no further namespace: give a targetCount');
    return name;
  }

  /** Makes a namespace, one that the configuration selects unless told otherwise, and removes it in the end. */
  async namespace(name = this.nextTarget(), labels?: Record<string, string>): Promise<string> {
    this.#made.push(name);
    await this.user.create(resources.namespaces, { metadata: { name, ...(labels && { labels }) } });
    return name;
  }

  /** The name of a namespace that somebody else will make; it is removed in the end. */
  foreseenNamespace(prefix: string): string {
    return this.foresee(uniqueName(prefix));
  }

  /** Removes a namespace in the end that somebody else will make. */
  foresee(name: string): string {
    this.#made.push(name);
    return name;
  }

  /** A namespace that the configuration selects, with a current pull Secret in it. */
  async servedNamespace(): Promise<string> {
    const namespace = await this.namespace();
    await this.servedWithin(namespace);
    return namespace;
  }

  /** Resolves to the namespace's pull Secret once there is one that opens every registry. */
  servedWithin(namespace: string, withinMs = PROMISED_MS): Promise<Secret> {
    return eventually(() => this.livePullSecret(namespace), { withinMs });
  }

  /** The namespace's pull Secret if there is one and every login in it is good now. */
  async livePullSecret(namespace: string): Promise<Secret | undefined> {
    const secret = await this.pullSecret(namespace);
    return secret && isLive(secret, this.cloud) ? secret : undefined;
  }

  pullSecret(namespace: string): Promise<Secret | undefined> {
    return this.find<Secret>(resources.secrets, { namespace, name: PULL_SECRET });
  }

  /** The names in a ServiceAccount's list, in its order. */
  async pullSecretsOf(namespace: string, name: string): Promise<(string | undefined)[]> {
    const account = await this.client.get<ServiceAccount>(resources.serviceAccounts, { namespace, name });
    return (account.imagePullSecrets ?? []).map((entry) => entry.name);
  }

  async find<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T | undefined> {
    try {
      return await this.client.get<T>(resource, ref);
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** How often a token was asked for so far. */
  get tokenCalls(): number {
    return this.cloud.calls.filter(({ action }) => action === 'GetAuthorizationToken').length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#parts) return;
    const { service, cluster, cloud, client } = this.#parts;
    await service[Symbol.asyncDispose]();
    if (!isSandbox) await this.#cleanUp();
    await client.close();
    await cloud.stop();
    await cluster[Symbol.asyncDispose]();
  }

  /** Leaves the real cluster to the next test file as this one found it, but for namespaces that are on their way out. */
  async #cleanUp(): Promise<void> {
    const made = new Set([...this.#made, this.ownNamespace]);
    await this.#remove(resources.mutatingWebhookConfigurations, { name: REGISTRATION });
    const [namespace, name = ''] = this.configMap.split('/');
    await this.#remove(resources.configMaps, { namespace, name });
    await runAtOnce(10, [...made], (each) => this.#remove(resources.namespaces, { name: each }));
    const isElsewhere = ({ metadata: { namespace = '' } }: KubeObject) => !made.has(namespace);
    const { items: secrets } = await this.client.list<Secret>(resources.secrets, {
      fieldSelector: `metadata.name=${PULL_SECRET}`,
    });
    for (const { metadata } of secrets.filter(isElsewhere)) {
      await this.#remove(resources.secrets, { namespace: metadata.namespace, name: PULL_SECRET });
    }
    const { items: accounts } = await this.client.list<ServiceAccount>(resources.serviceAccounts);
    for (const account of accounts.filter(isElsewhere)) await this.#detach(account);
  }

  async #remove(resource: Resource, ref: ObjectRef): Promise<void> {
    await this.user.delete(resource, ref).catch(unlessGone);
  }

  async #detach({ metadata: { namespace, name = '' }, imagePullSecrets = [] }: ServiceAccount): Promise<void> {
    const rest = imagePullSecrets.filter((entry) => entry.name !== PULL_SECRET);
    if (rest.length === imagePullSecrets.length) return;
    const patch = { imagePullSecrets: rest.length > 0 ? rest : null };
    await this.user.merge(resources.serviceAccounts, { namespace, name }, patch).catch(unlessGone);
  }

  get #started() {
    if (!this.#parts) throw new Error('the test bed has not been started');
    return this.#parts;
  }
}

/** A bed for the tests of a file, or of a `describe`; what the service wrote is shown when one of them fails. */
export function useTestBed(options: BedOptions = {}): TestBed {
  const bed = new TestBed(options);
  beforeAll(() => bed.start());
  afterAll(() => bed[Symbol.asyncDispose]());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => console.error(bed.service.lastWords));
  });
  return bed;
}

function unlessGone(error: unknown): void {
  if (!(error instanceof KubeApiError && error.status === 404)) throw error;
}
