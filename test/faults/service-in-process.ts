import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app/app.ts';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { ConfigMap, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { parseServeOptions } from '../../src/commands/serve-options.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { ClusterUser } from '../contract/cluster-user.ts';
import { eventually } from '../contract/eventually.ts';
import { freePorts } from '../contract/free-ports.ts';
import { loginsOf } from '../contract/pull-secret-check.ts';
import { MovableClock } from '../fakes/movable-clock.ts';
import { SandboxApiServer } from '../sandbox/api-server/sandbox-api-server.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { postReview } from './post-review.ts';

/** Who the service is to the API server: faults are for it alone. */
export const SERVICE_USER = 'system:serviceaccount:kube-system:acr-credential-injector';
export const REGION = 'cn-hangzhou';
const ACCESS_KEY = { accessKeyId: 'LTAI5tFaultMatrix', accessKeySecret: 'fault-matrix-access-key-secret-0' };
const CONFIG_MAP = { namespace: 'kube-system', name: 'acr-configuration' };

/** Of services that are being started at the same time. */
const taken = new Set<number>();

export interface InProcessOptions {
  tokenLifeMs?: number;
  failurePolicy?: 'Ignore' | 'Fail';
}

/** The service in this process, between a sandbox API server and an emulated cloud that can be made to fail. */
export class ServiceInProcess implements AsyncDisposable {
  readonly api: SandboxApiServer;
  readonly cloud: CloudEmulator;
  /** The service's own; the cloud has another, which only {@link pass} moves with it. */
  readonly clock = new MovableClock();
  readonly user: ClusterUser;
  readonly client: KubeClient;
  /** What the service logged, a JSON object each. */
  readonly lines: string[] = [];
  readonly #cloudClock: MovableClock;
  readonly #folder: string;
  readonly #failurePolicy: 'Ignore' | 'Fail';
  #app: App | undefined;
  #webhook = '';
  #status = '';

  private constructor(
    parts: {
      api: SandboxApiServer;
      cloud: CloudEmulator;
      cloudClock: MovableClock;
      folder: string;
      kubeconfig: string;
    },
    failurePolicy: 'Ignore' | 'Fail',
  ) {
    this.api = parts.api;
    this.cloud = parts.cloud;
    this.#cloudClock = parts.cloudClock;
    this.#folder = parts.folder;
    this.#failurePolicy = failurePolicy;
    const connection = KubeConnection.load(parts.kubeconfig, systemClock);
    this.user = new ClusterUser(connection);
    this.client = new KubeClient(connection);
  }

  static async start(options: InProcessOptions = {}): Promise<ServiceInProcess> {
    const cloudClock = new MovableClock();
    const api = await SandboxApiServer.start({ kubernetesVersion: { major: '1', minor: '30', gitVersion: 'v1.30.0' } });
    const cloud = await CloudEmulator.start({ clock: cloudClock, tokenLifeMs: options.tokenLifeMs });
    const folder = await mkdtemp(join(tmpdir(), 'acr-credential-injector-faults-'));
    const kubeconfig = join(folder, 'user');
    await writeFile(kubeconfig, api.kubeconfig());
    const service = new ServiceInProcess(
      { api, cloud, cloudClock, folder, kubeconfig },
      options.failurePolicy ?? 'Fail',
    );
    await service.#begin();
    return service;
  }

  /** Lets time pass for the service and the cloud alike. */
  pass(ms: number): void {
    this.clock.pass(ms);
    this.#cloudClock.pass(ms);
  }

  /** Writes the ConfigMap, with these registries of the cloud's. */
  async configure(instanceIds: readonly string[], changes: Record<string, string> = {}): Promise<void> {
    const entries = instanceIds.map((instanceId) => `- instanceId: ${instanceId}\n  regionId: ${REGION}\n`);
    await this.user.apply<ConfigMap>(resources.configMaps, {
      metadata: CONFIG_MAP,
      data: {
        'acr-registry-info': entries.join(''),
        'watch-namespace': 'all',
        'service-account': '*',
        'webhook-configuration': `enable: true\nfailure-policy: ${this.#failurePolicy}\ntimeout-seconds: 5\n`,
        ...changes,
      },
    });
  }

  addInstance(name: string): string {
    const instanceId = `cri-${name}`;
    this.cloud.addInstance({ instanceId, regionId: REGION, name });
    return instanceId;
  }

  /** Every password in a pull Secret is one that opens the instances now. */
  isLive(secret: Secret): boolean {
    const logins = Object.values(loginsOf(secret));
    return logins.length > 0 && logins.every(({ username, password }) => this.cloud.isLive(username, password));
  }

  /** What the webhook answers to the API server's question about a new Pod. */
  async review(namespace: string, image: string): Promise<{ allowed: boolean; patch?: string }> {
    const object = { metadata: { namespace, name: 'pod' }, spec: { containers: [{ name: 'main', image }] } };
    const review = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        ...{ uid: crypto.randomUUID(), operation: 'CREATE', namespace, object, dryRun: false, options: {} },
        ...{
          resource: { group: '', version: 'v1', resource: 'pods' },
          kind: { group: '', version: 'v1', kind: 'Pod' },
        },
      },
    };
    return postReview(`https://${this.#webhook}/mutate?timeout=5s`, review);
  }

  async ready(): Promise<boolean> {
    return (await fetch(`http://${this.#status}/readyz`)).ok;
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://${this.#status}/metrics`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app?.stop();
    await this.client.close();
    await this.api.stop();
    await this.cloud.stop();
    await rm(this.#folder, { recursive: true });
  }

  async #begin(): Promise<void> {
    const first = await ownPorts();
    this.#webhook = `127.0.0.1:${first}`;
    this.#status = `127.0.0.1:${first + 1}`;
    this.cloud.addAccount(ACCESS_KEY);
    await this.user.apply<Secret>(resources.secrets, {
      metadata: { namespace: 'kube-system', name: 'alibaba-addon-secret' },
      data: { 'access-key-id': btoa(ACCESS_KEY.accessKeyId), 'access-key-secret': btoa(ACCESS_KEY.accessKeySecret) },
    });
    await this.configure([this.addInstance('demo')]);
    const kubeconfig = join(this.#folder, 'service');
    await writeFile(kubeconfig, this.api.kubeconfig(SERVICE_USER));
    const flags = {
      ...{ kubeconfig, listen: this.#webhook, 'metrics-listen': this.#status, 'cr-endpoint': this.cloud.url },
      ...{ 'webhook-url': `https://${this.#webhook}/mutate`, drain: '0s', 'leader-elect': 'false', region: REGION },
    };
    const options = parseServeOptions(
      Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
      {},
    );
    this.#app = new App({
      options,
      connection: KubeConnection.load(kubeconfig, this.clock),
      clock: this.clock,
      logger: createLogger('debug', { write: (line: string) => void this.lines.push(line) }),
      environment: {},
      onFatal: (error) => {
        throw error;
      },
    });
    await this.#app.start();
    await eventually(() => this.ready(), { withinMs: 20_000 });
  }
}

/** The first of two ports that are free, and that no other service of this process is about to listen on. */
async function ownPorts(): Promise<number> {
  for (;;) {
    const first = await freePorts(2);
    if (taken.has(first) || taken.has(first + 1)) continue;
    taken.add(first).add(first + 1);
    return first;
  }
}
