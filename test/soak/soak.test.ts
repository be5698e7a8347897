import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { ConfigMap, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ClusterUser } from '../contract/cluster-user.ts';
import { eventually } from '../contract/eventually.ts';
import { ServiceProcess } from '../contract/service-process.ts';
import { clusterAndCloudFaults, type Surroundings } from '../faults/faults.ts';
import { SERVICE_USER } from '../faults/service-in-process.ts';
import { badLogins } from '../faults/token-audit.ts';
import { SandboxApiServer } from '../sandbox/api-server/sandbox-api-server.ts';
import { CloudEmulator } from '../sandbox/cloud/cloud-emulator.ts';
import { median, MemoryProbe } from './memory-probe.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { SoakCluster } from './soak-cluster.ts';

const seconds = Number(process.env.SOAK_SECONDS ?? 0);
const seed = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 2 ** 31));

const TOKEN_LIFE_MS = 20_000;
const CONFIG_MAP = { namespace: 'kube-system', name: 'acr-configuration' };
const ACCESS_KEY = { accessKeyId: 'LTAI5tSoakTest', accessKeySecret: 'soak-access-key-secret-0' };
/** The longest back-off that faults of seconds can leave behind, and the time to do what waited for it. */
const settled = { withinMs: 90_000, everyMs: 500 };
/** Of the median of the last third of samples, by that of the first: what a heap breathes. */
const FLAT = 1.15;

it.runIf(seconds > 0)('soak', { timeout: (seconds + 240) * 1_000 }, async ({ onTestFailed }) => {
  console.log(`soak: ${seconds} s, SOAK_SEED=${seed}`);
  const random = new SeededRandom(seed);
  await using api = await SandboxApiServer.start({
    kubernetesVersion: { major: '1', minor: '30', gitVersion: 'v1.30.0' },
    historySize: 1_000,
  });
  await using cloud = await CloudEmulator.start({ tokenLifeMs: TOKEN_LIFE_MS });
  await using folder = await temporaryFolder();
  const write = async (name: string, text: string) => {
    const path = join(folder.path, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const connection = KubeConnection.load(await write('user', api.kubeconfig()), systemClock);
  const [client, user] = [new KubeClient(connection), new ClusterUser(connection)];
  await using service = new ServiceProcess({
    kubeconfig: await write('service', api.kubeconfig(SERVICE_USER)),
    flags: { 'cr-endpoint': cloud.url, 'metadata-endpoint': cloud.url, 'log-level': 'info', 'leader-elect': 'true' },
    environment: { NODE_OPTIONS: '--inspect=127.0.0.1:0' },
  });
  onTestFailed(() => console.error(service.lastWords));
  await prepare({ api, cloud, user });
  const cluster = new SoakCluster({ client, user, cloud, random });
  const isRight = async () => {
    expect(await cluster.problems()).toEqual([]);
    return true;
  };
  await cluster.addBystanders();
  await service.start();
  await service.ready();
  await cluster.populate();
  await eventually(isRight, { withinMs: 30_000 });

  const memory = await MemoryProbe.attach(service);
  const samples: number[] = [];
  const until = performance.now() + seconds * 1_000;
  const met = new Map<string, number>();
  await Promise.all([
    repeat(
      until,
      () => random.between(20, 200),
      () => cluster.act(),
    ),
    repeat(
      until,
      () => random.between(200, 1_500),
      () => meetFault({ api, cloud, user }, random, met),
    ),
    repeat(
      until,
      () => 1_000,
      async () => void samples.push(await memory.residentBytes()),
    ),
    repeat(
      until,
      () => 10_000,
      () => configure(user, random.next() < 0.5 ? 'bystander' : 'bystander,other-*').catch(() => undefined),
    ),
  ]);
  await configure(user, 'bystander');
  await eventually(isRight, settled);
  memory.close();
  console.log([...met].map(([name, times]) => `${times} × ${name}`).join('\n'));

  expect(badLogins({ api, cloud })).toEqual([]);
  expect(service.isRunning).toBe(true);
  expect(service.stray.filter((line) => !isInspectorsWord(line))).toEqual([]);
  const third = Math.floor(samples.length / 3);
  const [early, late] = [median(samples.slice(0, third)), median(samples.slice(-third))];
  console.log(`RSS after collection, median of the first and the last third: ${mib(early)} and ${mib(late)} MiB`);
  expect(late / early).toBeLessThan(FLAT);
  await client.close();
});

async function repeat(until: number, pauseMs: () => number, act: () => Promise<unknown>): Promise<void> {
  while (performance.now() < until) {
    await act();
    await sleep(pauseMs());
  }
}

async function meetFault(surroundings: Surroundings, random: SeededRandom, met: Map<string, number>): Promise<void> {
  const fault = random.pick(clusterAndCloudFaults);
  met.set(fault.name, (met.get(fault.name) ?? 0) + 1);
  const lastsMs = random.between(200, 2_500);
  const end = await fault.begin(surroundings);
  await sleep(lastsMs);
  await end();
}

async function prepare({ cloud, user }: Surroundings): Promise<void> {
  cloud.addAccount(ACCESS_KEY);
  cloud.addInstance({ instanceId: 'cri-demo', regionId: 'cn-hangzhou', name: 'demo' });
  await user.apply<Secret>(resources.secrets, {
    metadata: { namespace: 'kube-system', name: 'alibaba-addon-secret' },
    data: { 'access-key-id': btoa(ACCESS_KEY.accessKeyId), 'access-key-secret': btoa(ACCESS_KEY.accessKeySecret) },
  });
  await configure(user, 'bystander');
}

async function configure(user: ClusterUser, excluded: string): Promise<void> {
  await user.apply<ConfigMap>(resources.configMaps, {
    metadata: CONFIG_MAP,
    data: {
      'acr-registry-info': '- instanceId: cri-demo\n  regionId: cn-hangzhou\n',
      'watch-namespace': 'all',
      'exclude-namespace': excluded,
      'service-account': '*',
      'webhook-configuration': 'enable: true\nfailure-policy: Ignore\ntimeout-seconds: 5\n',
    },
  });
}

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'acr-credential-injector-soak-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

function isInspectorsWord(line: string): boolean {
  return /^(Debugger|For help|Starting inspector)/.test(line);
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
