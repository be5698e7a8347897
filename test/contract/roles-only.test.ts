import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { Lease, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { refusedOf, rightsOf, type Right } from '../chart/granted-rights.ts';
import { containerOf, flagsOf, jobOf, render, renderCleanup, type Rendered } from '../chart/render-chart.ts';
import { kubectl } from '../e2e/kubectl-tools.ts';
import { kubeconfigOf } from '../e2e/limited-user.ts';
import { isSandbox } from './cluster-under-test.ts';
import { configEventSaying } from './config-events.ts';
import { eventually } from './eventually.ts';
import { loginsOf, PULL_SECRET } from './pull-secret-check.ts';
import { runCommand } from './run-command.ts';
import type { ServiceProcess } from './service-process.ts';
import { PROMISED_MS, REGISTRATION, useTestBed } from './test-bed.ts';
import { uniqueName } from './unique-name.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const NAME = 'acr-credential-injector';
const RIGHTS = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];
const within = { withinMs: PROMISED_MS };
/** A Namespace is not watched but read every few seconds, one that is missing at least every half minute. */
const soon = { withinMs: 15_000 };
const later = { withinMs: 45_000 };
const patience = { timeout: 90_000 };

/** The sandbox has no RBAC: there it is told afterwards that the Roles would have allowed all that was asked for. */
describe('with `namespaces` of the chart, and no rights but its Roles', () => {
  const bed = useTestBed({ started: false, tokenLifeMs: 20_000, configuration: { 'watch-namespace': 'all' } });
  const [one, two, unborn, added] = ['one', 'two', 'unborn', 'added'].map((prefix) => uniqueName(prefix)) as [
    string,
    string,
    string,
    string,
  ];
  const stranger = uniqueName('stranger');
  const folders: string[] = [];
  let service: ServiceProcess;
  let limited: string;

  beforeAll(async () => {
    for (const name of [one, two, stranger]) await bed.namespace(name);
    for (const name of [unborn, added]) bed.foresee(name);
    for (const namespace of [one, two, stranger]) {
      await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'app' }, ['mine']));
    }
    service = await install([one, two, unborn]);
  });

  afterAll(async () => {
    await service.kill();
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => console.error(service.lastWords));
  });

  const optionsFor = (namespaces: readonly string[]) => ({
    namespace: bed.ownNamespace,
    values: { namespaces, configMap: { create: false, namespace: bed.ownNamespace } },
  });

  /** Gives the rights of these objects, where their namespace is there, as `helm install` would. */
  async function grant(objects: readonly Rendered[]): Promise<void> {
    const rights = objects.filter(({ kind }) => RIGHTS.includes(kind));
    expect(rights.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
    if (isSandbox) return;
    const { items: there } = await bed.client.list(resources.namespaces);
    const names = new Set(there.map(({ metadata }) => metadata.name));
    const items = rights.filter(({ metadata }) => names.has(metadata.namespace));
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    const { code, stderr } = await kubectl(['apply', '-f', '-'], { ...bed.cluster, input });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }

  async function kubeconfigAs(name: string): Promise<string> {
    const account = { namespace: bed.ownNamespace, name };
    if (!bed.cluster.sandbox) return keep(await kubeconfigOf(account, bed.cluster.kubeconfig));
    const path = keep(join(await mkdtemp(join(tmpdir(), 'acr-credential-injector-user-')), 'kubeconfig'));
    await writeFile(path, bed.cluster.sandbox.kubeconfig(userOf(name)), { mode: 0o600 });
    return path;
  }

  const userOf = (name: string) => `system:serviceaccount:${bed.ownNamespace}:${name}`;

  function keep(path: string): string {
    folders.push(dirname(path));
    return path;
  }

  /** Starts the service as the chart would run it. */
  async function install(namespaces: readonly string[]): Promise<ServiceProcess> {
    const objects = await render(optionsFor(namespaces));
    await grant(objects);
    limited = await kubeconfigAs(NAME);
    const { listen, 'metrics-listen': metricsListen, ...flags } = flagsOf(containerOf(objects).args);
    expect([listen, metricsListen]).toEqual(['[::]:8443', '[::]:8080']);
    const started = bed.newReplica({ ...flags, kubeconfig: limited, 'log-level': 'debug' });
    await started.start();
    await started.ready();
    return started;
  }

  const listIn = (namespace: string) => bed.pullSecretsOf(namespace, 'app');
  const isServed = async (namespace: string) => {
    const names = await listIn(namespace);
    return names.includes(PULL_SECRET) && (await bed.livePullSecret(namespace)) !== undefined;
  };

  /** The namespaces with anything of ours. */
  async function touched(): Promise<string[]> {
    const byName = { fieldSelector: `metadata.name=${PULL_SECRET}` };
    const { items: secrets } = await bed.client.list<Secret>(resources.secrets, byName);
    const { items: accounts } = await bed.client.list<ServiceAccount>(resources.serviceAccounts);
    const referring = accounts.filter(({ imagePullSecrets }) => namesIn(imagePullSecrets).includes(PULL_SECRET));
    return [...new Set([...secrets, ...referring].map(({ metadata }) => metadata.namespace ?? ''))].sort();
  }

  it('Secrets and references are in the listed namespaces and in no other', async () => {
    for (const namespace of [one, two]) await eventually(() => isServed(namespace), within);
    expect(await listIn(one)).toEqual(['mine', PULL_SECRET]);
    expect(await listIn(stranger)).toEqual(['mine']);
    expect(await touched()).toEqual([one, two].sort());
  });

  it('a listed namespace that is not there holds up nothing, and is told of', async () => {
    const { missingNamespaces } = await service.status();
    expect(missingNamespaces).toEqual([unborn]);
    await configEventSaying(bed, 'NamespaceMissing', new RegExp(unborn));
  });

  it('it is served when it comes to be, with its Role', patience, async () => {
    await bed.namespace(unborn);
    await grant(await render(optionsFor([one, two, unborn])));
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace: unborn, name: 'app' }));
    await eventually(() => isServed(unborn), later);
    expect((await service.status()).missingNamespaces).toEqual([]);
  });

  it('a renewed token is written to all of them', patience, async () => {
    const issued = bed.cloud.issuedTokens.length;
    const renewed = await eventually(() => bed.cloud.issuedTokens[issued], { withinMs: 20_000 });
    const isThere = async (namespace: string) => {
      const secret = await bed.livePullSecret(namespace);
      return secret && Object.values(loginsOf(secret)).every(({ password }) => password === renewed.password);
    };
    for (const namespace of [one, two, unborn]) await eventually(() => isThere(namespace), within);
  });

  it('a Secret that somebody changes is restored, and so is one that goes', async () => {
    const ref = { namespace: one, name: PULL_SECRET };
    await bed.user.merge(resources.secrets, ref, { data: { '.dockerconfigjson': btoa('{"auths":{}}') } });
    await bed.servedWithin(one);
    await bed.user.delete(resources.secrets, ref);
    await bed.servedWithin(one);
  });

  it('a ServiceAccount is attached to after its creation, and when somebody takes the reference away', async () => {
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace: two, name: 'late' }, ['mine']));
    const list = () => bed.pullSecretsOf(two, 'late');
    await eventually(async () => (await list()).includes(PULL_SECRET), within);
    await bed.user.merge(resources.serviceAccounts, { namespace: two, name: 'late' }, { imagePullSecrets: null });
    await eventually(async () => (await list()).includes(PULL_SECRET), within);
  });

  it('a namespace whose label says so is let go, and taken back', patience, async () => {
    const label = (value: string | null) =>
      bed.user.merge(
        resources.namespaces,
        { name: two },
        { metadata: { labels: { 'acr-credential-injector/inject': value } } },
      );
    await label('false');
    await eventually(async () => !(await touched()).includes(two), soon);
    expect(await listIn(two)).toEqual(['mine']);
    await label(null);
    await eventually(() => isServed(two), soon);
  });

  it('a webhook that the configuration asks for is warned of, and not there; nor is a CA', async () => {
    await configEventSaying(bed, 'ConfigurationWarning', /webhook-configuration.*--namespaces/);
    const { configMap, webhookTrusted } = await service.status();
    expect(configMap.warnings.join()).toMatch(/webhook-configuration .*enable: false/);
    expect([configMap.kind, webhookTrusted]).toEqual(['accepted', false]);
    expect(await service.probe('/readyz')).toBe(200);
    expect(await bed.find(resources.mutatingWebhookConfigurations, { name: REGISTRATION })).toBeUndefined();
    const ca = { namespace: bed.ownNamespace, name: `${NAME}-ca` };
    expect(await bed.find(resources.secrets, ca)).toBeUndefined();
  });

  it('namespaces of the configuration count only where they are listed', async () => {
    await bed.configure({ 'watch-namespace': `${one},${stranger}` });
    await eventually(async () => (await touched()).join() === one, within);
    await configEventSaying(bed, 'ConfigurationWarning', new RegExp(stranger));
    expect(await listIn(stranger)).toEqual(['mine']);
    await bed.configure();
    for (const namespace of [two, unborn]) await eventually(() => isServed(namespace), within);
  });

  it('a namespace that is added to the list is served by the next process', patience, async () => {
    await bed.namespace(added);
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace: added, name: 'app' }));
    const before = service;
    service = await install([one, two, unborn, added]);
    await before.kill();
    await eventually(() => isServed(added), later);
    for (const namespace of [one, two, unborn]) await eventually(() => isServed(namespace), within);
  });

  it('nothing that the service asked for was forbidden', async () => {
    expect(service.logs.filter(({ error }) => error?.code === 'Forbidden')).toEqual([]);
    expectGranted(NAME, rightsOf(await render(optionsFor([one, two, unborn, added]))));
  });

  it.skipIf(isSandbox)('no other namespace can be looked into', async () => {
    const client = new KubeClient(KubeConnection.load(limited, systemClock));
    const forbidden = { status: 403 };
    const byName = { fieldSelector: `metadata.name=${PULL_SECRET}` };
    await expect(client.get(resources.namespaces, { name: one })).resolves.toMatchObject({ metadata: { name: one } });
    await expect(client.list(resources.namespaces)).rejects.toMatchObject(forbidden);
    await expect(client.get(resources.namespaces, { name: stranger })).rejects.toMatchObject(forbidden);
    await expect(client.list(resources.secrets, byName)).rejects.toMatchObject(forbidden);
    await expect(client.list(resources.serviceAccounts)).rejects.toMatchObject(forbidden);
    for (const resource of [resources.secrets, resources.serviceAccounts]) {
      const scope = { namespace: stranger, ...byName };
      await expect(client.list(resource, scope)).rejects.toMatchObject(forbidden);
    }
    await expect(client.list(resources.secrets, { namespace: one })).rejects.toMatchObject(forbidden);
    await expect(client.list(resources.mutatingWebhookConfigurations)).rejects.toMatchObject(forbidden);
    await client.close();
  });

  it('a namespace that is deleted disturbs no other, and is served when it is made again', patience, async () => {
    await bed.user.delete(resources.namespaces, { name: added });
    await eventually(async () => (await service.status()).missingNamespaces.join() === added, { withinMs: 60_000 });
    expect(await service.metric('namespaces', { state: 'missing' })).toBe(1);
    await bed.user.delete(resources.secrets, { namespace: one, name: PULL_SECRET });
    await bed.servedWithin(one);
    await bed.namespace(added);
    await grant(await render(optionsFor([one, two, unborn, added])));
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace: added, name: 'app' }));
    await eventually(() => isServed(added), later);
  });

  it("the chart's clean-up leaves nothing, and has no rights elsewhere", patience, async () => {
    await service.kill();
    const objects = await renderCleanup(optionsFor([one, two, unborn, added]));
    await grant(objects);
    const kubeconfig = await kubeconfigAs(`${NAME}-cleanup`);
    const flags = flagsOf(jobOf(objects).template.spec.containers[0].args);
    const { code, logs, stderr } = await runCommand('cleanup', { ...flags, kubeconfig, namespace: bed.ownNamespace });
    expect({ code, stderr, left: logs.at(-1)?.left }).toEqual({ code: 0, stderr: '', left: undefined });
    expect(await touched()).toEqual([]);
    expect(await listIn(one)).toEqual(['mine']);
    const own = { namespace: bed.ownNamespace, name: NAME };
    expect(await bed.find<Lease>(resources.leases, own)).toBeUndefined();
    expect(await bed.find<Secret>(resources.secrets, { ...own, name: `${NAME}-tokens` })).toBeUndefined();
    expectGranted(`${NAME}-cleanup`, rightsOf(objects));
  });

  /** On the sandbox, that RBAC would have allowed every request of a ServiceAccount. */
  function expectGranted(name: string, rights: readonly Right[]): void {
    const requests = bed.cluster.sandbox?.requests.all.filter(({ user }) => user === userOf(name)) ?? [];
    expect(requests.length > 0).toBe(isSandbox);
    expect(refusedOf(requests, rights)).toEqual([]);
  }
});
