import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, inject } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeEvent, Pod, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ClusterUser } from '../contract/cluster-user.ts';
import { eventually } from '../contract/eventually.ts';
import { isLive, PULL_SECRET } from '../contract/pull-secret-check.ts';
import { installDemo } from '../e2e/demo-chart.ts';
import { type CommandResult, helm, kubectl, shell } from '../e2e/kubectl-tools.ts';
import type { ImageContent } from '../e2e/registry/image-layout.ts';
import { PrivateRegistries } from '../e2e/registry/private-registries.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { NODE_ADDRESS, PROXY_PORT } from './node-setup.ts';
import { type Instructions, instructionsOf } from './readme-commands.ts';

/** As the README's example configuration has it. */
const INSTANCE = { instanceId: 'cri-xxxxxxxxxxxxxxxx', regionId: 'cn-hangzhou', name: 'demo' };
const DOMAIN = `${INSTANCE.name}-registry-vpc.${INSTANCE.regionId}.cr.aliyuncs.com`;
const ACCESS_KEY = { accessKeyId: 'LTAI5tNodeTests', accessKeySecret: 'node-tests-access-key-secret-0' };
export const CHART = 'charts/acr-credential-injector';
/** Of the service, of its chart, and the tag of its image. */
export const VERSION = versionOfPackage();
export const RELEASE = 'acr-credential-injector';
export const OWN_NAMESPACE = 'kube-system';
/** A machine that does other things may take long to start Pods. */
export const patiently = { withinMs: 120_000, everyMs: 200 };

/** What tests read of a Pod that runs, or does not. */
export type RunningPod = Pod & {
  status?: { phase?: string; containerStatuses?: { ready: boolean; restartCount: number }[] };
};

/** A cluster whose node pulls from private registries, the emulated cloud, and a user of both who can read the README. */
export class NodeBed implements AsyncDisposable {
  readonly kubeconfig = inject('kubeconfig');
  readonly client: KubeClient;
  readonly user: ClusterUser;
  readonly cloud: CloudEmulator;
  readonly #registries: PrivateRegistries;
  readonly #directory: string;

  private constructor(cloud: CloudEmulator, registries: PrivateRegistries, directory: string) {
    const connection = KubeConnection.load(this.kubeconfig, systemClock);
    this.client = new KubeClient(connection);
    this.user = new ClusterUser(connection);
    this.cloud = cloud;
    this.#registries = registries;
    this.#directory = directory;
  }

  static async start(tokenLifeMs: number): Promise<NodeBed> {
    const cloud = await CloudEmulator.start({ host: NODE_ADDRESS, tokenLifeMs });
    cloud.addAccount(ACCESS_KEY);
    cloud.addInstance(INSTANCE);
    const registry = {
      service: `registry.aliyuncs.com:${INSTANCE.regionId}:china:${INSTANCE.instanceId}`,
      domains: [DOMAIN],
      admits: (token: { instanceId?: string }) => token.instanceId === INSTANCE.instanceId,
    };
    const registries = await PrivateRegistries.start(cloud, [registry], PROXY_PORT);
    await registries.introduceTo(join(dirname(inject('kubeconfig')), 'registries'));
    return new NodeBed(cloud, registries, await mkdtemp(join(tmpdir(), 'acr-credential-injector-node-bed-')));
  }

  /** Runs the commands of a section of the README. @param change makes another command of one */
  async follow(heading: string, change = (command: string) => command): Promise<void> {
    const script = this.#instructionsOf(heading).commands.map(change).join('\n');
    expectDone(await shell(script, { kubeconfig: this.kubeconfig, timeoutMs: 300_000 }, [inject('docker')]));
  }

  /** Installs the service as the README says, and returns when `kubectl rollout status` does. */
  async install(change?: (command: string) => string): Promise<void> {
    await this.#writeValues();
    await this.follow('Install', change);
    await this.rolledOut();
  }

  /** `helm upgrade` to the present chart with the values of before and these. */
  upgrade(...settings: string[]): Promise<CommandResult> {
    const set = settings.flatMap((setting) => ['--set', setting]);
    return this.helm('upgrade', RELEASE, CHART, '-n', OWN_NAMESPACE, '--reset-then-reuse-values', ...set);
  }

  /** Writes the README's `values.yaml`, and what leads to the emulated cloud. */
  async #writeValues(): Promise<void> {
    const { values } = this.#instructionsOf('Install');
    const endpoints = ['cr', 'sts', 'metadata'].map((name) => `--${name}-endpoint=${this.cloud.url}`);
    await writeFile(this.#valuesFile, `${values}extraArgs: ${JSON.stringify(endpoints)}\n`);
  }

  get #valuesFile(): string {
    return join(this.#directory, 'values.yaml');
  }

  #instructionsOf(heading: string): Instructions {
    return instructionsOf(heading, {
      REGISTRY: inject('openRegistry'),
      ID: ACCESS_KEY.accessKeyId,
      SECRET: ACCESS_KEY.accessKeySecret,
      'values.yaml': this.#valuesFile,
    });
  }

  async rolledOut(): Promise<void> {
    expectDone(await this.kubectl('rollout', 'status', `deployment/${RELEASE}`, '-n', OWN_NAMESPACE, '--timeout=140s'));
  }

  helm(...args: string[]): Promise<CommandResult> {
    return helm(args, { kubeconfig: this.kubeconfig, timeoutMs: 300_000 });
  }

  kubectl(...args: string[]): Promise<CommandResult> {
    return kubectl(args, { kubeconfig: this.kubeconfig, timeoutMs: 150_000 });
  }

  /** Puts an image that can run into the private registry. @returns its name */
  async push(tag: string): Promise<string> {
    const image = `${DOMAIN}/team/app:${tag}`;
    await this.#registries.push(image, sleeper());
    return image;
  }

  /** Pulls as a Pod with this pull Secret would. */
  pull(image: string, secret: Secret): ReturnType<PrivateRegistries['pull']> {
    return this.#registries.pull(image, secret);
  }

  /** `helm install --create-namespace` of a user's chart with a ServiceAccount and a Deployment. */
  async installDemo(namespace: string, image: string, values: Readonly<Record<string, string>> = {}): Promise<void> {
    await installDemo({ kubeconfig: this.kubeconfig, namespace, values: { image, ...values } });
  }

  /** How many Pods of the service there are. */
  async serviceCount(): Promise<number> {
    const labelSelector = `app.kubernetes.io/name=${RELEASE}`;
    const { items } = await this.client.list<Pod>(resources.pods, { namespace: OWN_NAMESPACE, labelSelector });
    return items.length;
  }

  async pods(namespace: string): Promise<RunningPod[]> {
    return (await this.client.list<RunningPod>(resources.pods, { namespace })).items;
  }

  /** Resolves to the namespace's Pods once there are as many and all of them run. */
  running(namespace: string, count = 1): Promise<RunningPod[]> {
    return eventually(async () => {
      const pods = await this.pods(namespace);
      expect(pods.map(isRunning)).toEqual(Array.from({ length: count }, () => true));
      return pods;
    }, patiently);
  }

  /** What kubelet complained of in the namespace: images that could not be pulled, Secrets that were not there. */
  async pullFailures(namespace: string): Promise<string[]> {
    const { items } = await this.client.list<KubeEvent>(resources.events, { namespace });
    const complaints = /^(Failed|BackOff|ErrImagePull|ImagePullBackOff|FailedToRetrieveImagePullSecret)$/;
    return items.filter(({ reason }) => complaints.test(reason)).map(({ reason, message }) => `${reason}: ${message}`);
  }

  /** The namespace's pull Secret once its logins are good. */
  pullSecret(namespace: string): Promise<Secret> {
    return eventually(async () => {
      const secret = await this.client.get<Secret>(resources.secrets, { namespace, name: PULL_SECRET });
      return isLive(secret, this.cloud) && secret;
    }, patiently);
  }

  /** For a test that failed. */
  async lastWords(): Promise<string> {
    const parts = await Promise.all([
      this.kubectl('get', 'pods', '-A', '-o', 'wide'),
      this.kubectl('get', 'events', '-A', '--field-selector=type=Warning'),
      this.kubectl('logs', '-n', OWN_NAMESPACE, '-l', `app.kubernetes.io/name=${RELEASE}`, '--tail=25', '--prefix'),
    ]);
    return parts.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.helm('uninstall', RELEASE, '-n', OWN_NAMESPACE, '--ignore-not-found', '--timeout=60s');
    await this.kubectl('delete', 'secret', 'alibaba-addon-secret', '-n', OWN_NAMESPACE, '--ignore-not-found');
    await this.client.close();
    await this.#registries[Symbol.asyncDispose]();
    await this.cloud.stop();
    await rm(this.#directory, { recursive: true });
  }
}

/** A bed for the tests of a file. */
export function useNodeBed(tokenLifeMs = 3_600_000): () => NodeBed {
  let bed: NodeBed | undefined;
  beforeAll(async () => {
    bed = await NodeBed.start(tokenLifeMs);
  });
  afterAll(() => bed?.[Symbol.asyncDispose]());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await bed?.lastWords()));
  });
  return () => {
    if (!bed) throw new Error('the bed has not been started');
    return bed;
  };
}

export function expectDone({ code, stdout, stderr }: CommandResult): void {
  expect({ code, output: stdout + stderr }).toMatchObject({ code: 0 });
}

function isRunning({ status, metadata }: RunningPod): boolean {
  const isReady = status?.containerStatuses?.every(({ ready }) => ready) ?? false;
  return metadata.deletionTimestamp === undefined && status?.phase === 'Running' && isReady;
}

/** Busybox, which waits to be ended. */
function sleeper(): ImageContent {
  const archive = execFileSync('tar', ['--create', '--directory', inject('busybox'), 'busybox'], {
    maxBuffer: 2 ** 26,
  });
  const script = 'trap exit TERM; while :; do /busybox sleep 3600 & wait; done';
  return { archive, entrypoint: ['/busybox', 'sh', '-c', script] };
}

function versionOfPackage(): string {
  return (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
}
