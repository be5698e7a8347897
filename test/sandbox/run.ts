import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeObject, Pod, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources, type Resource } from '../../src/kube/resources.ts';
import { ClusterUser } from '../contract/cluster-user.ts';
import { SandboxApiServer } from './api-server/sandbox-api-server.ts';
import { CloudEmulator } from './cloud/cloud-emulator.ts';

/** Shows the service at work on a machine without a cluster: a sandbox API server, an emulated cloud, the real service. */

const TOKEN_LIFE_MS = 30_000;
const SECRET_NAME = 'acr-credential-secret-aggregation';
const IMAGE = 'demo-registry-vpc.cn-hangzhou.cr.aliyuncs.com/team/web:1';
const labels = { app: 'web' };

const say = (text: string) => process.stdout.write(`${text}\n`);
const title = (text: string) => say(`\n\u001b[1m── ${text}\u001b[0m`);

await using api = await SandboxApiServer.start({
  kubernetesVersion: { major: '1', minor: '30', gitVersion: 'v1.30.0' },
});
await using cloud = await CloudEmulator.start({ tokenLifeMs: TOKEN_LIFE_MS });
const folder = await mkdtemp(join(tmpdir(), 'acr-credential-injector-'));
const kubeconfig = join(folder, 'kubeconfig');
await writeFile(kubeconfig, api.kubeconfig());
const connection = KubeConnection.load(kubeconfig, systemClock);
const client = new KubeClient(connection);
const user = new ClusterUser(connection);
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());

await prepareCloudAndConfiguration();
const service = await startService();
try {
  await installChart();
  await watchRotations();
} finally {
  const { process: child } = service;
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await client.close();
  await rm(folder, { recursive: true });
}

/** An account with an instance in the cloud; its AccessKey and the configuration in the cluster. */
async function prepareCloudAndConfiguration(): Promise<void> {
  const account = { accessKeyId: 'LTAI5tSandboxDemoOnly', accessKeySecret: 'sandbox-secret-that-opens-nothing' };
  cloud.addAccount({ accountId: 'demo', ...account });
  cloud.addInstance({ instanceId: 'cri-demo', regionId: 'cn-hangzhou', name: 'demo', accountId: 'demo' });
  await apply<Secret>(resources.secrets, {
    metadata: { namespace: 'kube-system', name: 'alibaba-addon-secret' },
    data: { 'access-key-id': base64(account.accessKeyId), 'access-key-secret': base64(account.accessKeySecret) },
  });
  const data = {
    'acr-registry-info': '- instanceId: cri-demo\n  regionId: cn-hangzhou\n',
    'watch-namespace': 'all',
    'service-account': '*',
    'webhook-configuration': 'enable: true\nfailure-policy: Fail\ntimeout-seconds: 10\n',
  };
  await apply(resources.configMaps, { metadata: { namespace: 'kube-system', name: 'acr-configuration' }, data });
  title('The configuration: ConfigMap kube-system/acr-configuration');
  say(dump(data).trimEnd());
}

async function startService(): Promise<{ process: ChildProcess; statusUrl: string }> {
  const [webhookPort, statusPort] = [await freePort(), await freePort()];
  const statusUrl = `http://127.0.0.1:${statusPort}`;
  const args = {
    kubeconfig,
    listen: `127.0.0.1:${webhookPort}`,
    'metrics-listen': `127.0.0.1:${statusPort}`,
    'webhook-url': `https://127.0.0.1:${webhookPort}/mutate`,
    'cr-endpoint': cloud.url,
    'metadata-endpoint': cloud.url,
    drain: '0s',
  };
  const flags = Object.entries(args).map(([name, value]) => `--${name}=${value}`);
  const log = join(folder, 'service.log');
  title('The service');
  say(`$ node_modules/.bin/node dist/main.js serve ${flags.join(' ')}`);
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['dist/main.js', 'serve', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.pipe(createWriteStream(log));
  child.once('exit', (code, signal) => {
    if (!ended.signal.aborted) say(`the service ended by itself (${signal ?? String(code)})`);
    ended.abort();
  });
  await until(async () => (await fetch(`${statusUrl}/readyz`)).ok);
  say(`ready after ${Math.round(performance.now() - startedAt)} ms`);
  say(`its log: ${log}\nits state: ${statusUrl}/status and /metrics\nthe cluster: KUBECONFIG=${kubeconfig}`);
  return { process: child, statusUrl };
}

/** What `helm install --create-namespace` does: three objects, one after the other, nobody waits. */
async function installChart(): Promise<void> {
  const namespace = 'team-a';
  const serviceAccount: ServiceAccount = { metadata: { namespace, name: 'web' } };
  const deployment = {
    metadata: { namespace, name: 'web' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { serviceAccountName: 'web', containers: [{ name: 'web', image: IMAGE }] },
      },
    },
  };
  title('A chart installs a namespace, a ServiceAccount and a Deployment at once');
  say(dump({ kind: 'ServiceAccount', ...serviceAccount }).trimEnd());
  await apply(resources.namespaces, { metadata: { name: namespace } });
  await apply(resources.serviceAccounts, serviceAccount);
  await apply(resources.deployments, deployment);
  const pods = () => client.list<Pod>(resources.pods, { namespace });
  await until(async () => (await pods()).items.length > 0);
  const pod = (await pods()).items[0]!;
  const stored = await client.get<ServiceAccount>(resources.serviceAccounts, { namespace, name: 'web' });
  title('The ServiceAccount as the API server stored it');
  say(
    dump({
      kind: 'ServiceAccount',
      metadata: { namespace, name: 'web' },
      imagePullSecrets: stored.imagePullSecrets,
    }).trimEnd(),
  );
  title('The Pod as it was created, and what it will pull with');
  const { imagePullSecrets, serviceAccountName } = pod.spec ?? {};
  say(
    dump({
      kind: 'Pod',
      metadata: { name: pod.metadata.name },
      spec: { serviceAccountName, imagePullSecrets },
    }).trimEnd(),
  );
  const secret = await client.get<Secret>(resources.secrets, { namespace, name: SECRET_NAME });
  say(describeSecret(secret));
}

/** Prints every change of the Secret until somebody ends the program. */
async function watchRotations(): Promise<void> {
  title(`Tokens live ${TOKEN_LIFE_MS / 1000} s here and are renewed halfway; Ctrl-C ends`);
  const fieldSelector = `metadata.name=${SECRET_NAME}`;
  const { metadata } = await client.list<Secret>(resources.secrets, { namespace: 'team-a', fieldSelector });
  let { resourceVersion = '' } = metadata;
  const follow = async () => {
    const watch = { namespace: 'team-a', fieldSelector, resourceVersion, timeoutSeconds: 300, signal: ended.signal };
    for await (const { type, object } of client.watch<Secret>(resources.secrets, watch)) {
      resourceVersion = object.metadata.resourceVersion ?? '';
      if (type !== 'BOOKMARK') say(`${new Date().toISOString().slice(11, 19)} ${type} ${describeSecret(object)}`);
    }
  };
  while (!ended.signal.aborted) {
    await follow().catch((error: unknown) => {
      if (!ended.signal.aborted) throw error;
    });
  }
}

function describeSecret({ metadata, data }: Secret): string {
  const text = Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString();
  const { auths } = JSON.parse(text) as { auths: Record<string, { username: string; password: string }> };
  const lines = Object.entries(auths).map(([domain, { username, password }]) => {
    const state = cloud.isLive(username, password) ? 'accepted by the registry' : 'not accepted by the registry';
    return `    ${domain}: ${username} / …${password.slice(-6)}, ${state}`;
  });
  const expiresAt = metadata.annotations?.['acr-credential-injector/expires-at'] ?? 'unknown';
  return [
    `Secret ${metadata.namespace ?? ''}/${metadata.name ?? ''}, uid ${metadata.uid?.slice(0, 8) ?? ''}, expires at ${expiresAt}`,
    ...lines,
  ].join('\n');
}

function apply<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
  return user.apply(resource, object);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.any([AbortSignal.timeout(20_000), ended.signal]);
  while (!(await condition().catch(() => false))) await systemClock.sleep(20, deadline);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
