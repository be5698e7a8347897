import { describe, expect, it } from 'vitest';
import type { Lease, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { isSandbox } from './cluster-under-test.ts';
import { configEventSaying } from './config-events.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { runCommand, type CommandEnd } from './run-command.ts';
import { PROMISED_MS, REGISTRATION, type TestBed, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

const LEASE = 'acr-credential-injector';
const TIMEOUT_MS = 90_000;

function cleanUp(bed: TestBed, flags: Readonly<Record<string, string>> = {}): Promise<CommandEnd> {
  return runCommand('cleanup', { kubeconfig: bed.cluster.kubeconfig, namespace: bed.ownNamespace, ...flags });
}

/** A namespace with a pull Secret and a ServiceAccount that names it between others. */
async function attachedNamespace(bed: TestBed): Promise<string> {
  const namespace = await bed.servedNamespace();
  await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'app' }, ['zeta', 'alpha']));
  await eventually(async () => (await bed.pullSecretsOf(namespace, 'app')).includes(PULL_SECRET), {
    withinMs: PROMISED_MS,
  });
  return namespace;
}

/** What is there of the service, wherever it is. */
async function remains(bed: TestBed): Promise<string[]> {
  const byName = { fieldSelector: `metadata.name=${PULL_SECRET}` };
  const { items: secrets } = await bed.client.list<Secret>(resources.secrets, byName);
  const { items: accounts } = await bed.client.list<ServiceAccount>(resources.serviceAccounts);
  const referring = accounts.filter(({ imagePullSecrets }) => namesIn(imagePullSecrets).includes(PULL_SECRET));
  const own = await Promise.all(
    ['tokens', 'ca'].map((name) =>
      bed.find<Secret>(resources.secrets, { namespace: bed.ownNamespace, name: `acr-credential-injector-${name}` }),
    ),
  );
  const registration = await bed.find(resources.mutatingWebhookConfigurations, { name: REGISTRATION });
  return [...secrets, ...referring, ...own, registration]
    .filter((object) => object !== undefined)
    .map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`);
}

const leaseOf = (bed: TestBed) => bed.find<Lease>(resources.leases, { namespace: bed.ownNamespace, name: LEASE });

describe('cleaning up after a service that is dead', () => {
  const bed = useTestBed();

  it('touches nothing where the own namespace is none that there is', async () => {
    const namespace = await attachedNamespace(bed);
    const { code, logs } = await cleanUp(bed, { namespace: 'kubesystem' });
    expect({ code, message: logs.at(-1)?.msg }).toMatchObject({
      code: 1,
      message: expect.stringContaining('no such namespace') as string,
    });
    expect(await remains(bed)).toEqual(expect.arrayContaining([`${namespace}/${PULL_SECRET}`, `${namespace}/app`]));
    expect(await leaseOf(bed)).toBeDefined();
  });

  it(
    "leaves nothing of it in any namespace, users' own entries in their order, and the cluster at work",
    async () => {
      const namespace = await attachedNamespace(bed);
      await attachedNamespace(bed);
      expect((await remains(bed)).length).toBeGreaterThan(4);
      await bed.service.kill();

      const { code, logs, stderr } = await cleanUp(bed);

      expect({ code, stderr, left: logs.at(-1)?.left }).toEqual({ code: 0, stderr: '', left: undefined });
      expect(logs.at(-1)?.removed).toMatchObject({ MutatingWebhookConfiguration: 1 });
      expect(await remains(bed)).toEqual([]);
      expect(await leaseOf(bed)).toBeUndefined();
      expect(await bed.pullSecretsOf(namespace, 'app')).toEqual(['zeta', 'alpha']);
      await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'later' }));
    },
    TIMEOUT_MS,
  );

  it(
    "leaves somebody else's Secret of the same name, with the references to it",
    async () => {
      const namespace = await bed.namespace(bed.foreseenNamespace('foreign'));
      await bed.user.create<Secret>(resources.secrets, { metadata: { namespace, name: PULL_SECRET } });
      await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'app' }, [PULL_SECRET]));
      expect(await cleanUp(bed)).toMatchObject({ code: 0 });
      expect(await bed.pullSecretsOf(namespace, 'app')).toEqual([PULL_SECRET]);
      expect(await bed.pullSecret(namespace)).toBeDefined();
      await bed.user.delete(resources.secrets, { namespace, name: PULL_SECRET });
    },
    TIMEOUT_MS,
  );

  it(
    'refuses flags that make no sense with another exit code',
    async () => {
      const { code, stderr } = await cleanUp(bed, { timeout: '1ns' });
      expect([code, stderr]).toEqual([2, expect.stringContaining('--timeout')]);
    },
    TIMEOUT_MS,
  );
});

describe.runIf(isSandbox)('cleaning up where one ServiceAccount cannot be changed', () => {
  const bed = useTestBed({ targetCount: 4 });

  it(
    'takes everything else away, keeps trying, and when it is ended gives the Lease to whoever is installed next',
    async () => {
      const namespace = await attachedNamespace(bed);
      const others = [await attachedNamespace(bed), await attachedNamespace(bed)];
      await bed.service.kill();
      const { faults } = bed.cluster.sandbox!;
      const match = { verb: 'patch', resource: 'serviceaccounts', namespace, name: 'app' } as const;
      const fault = faults.fail(match, { code: 500, message: 'failed calling webhook' });
      const onlyThat = async () => (await remains(bed)).join() === `${namespace}/app`;

      const at = eventually(onlyThat, { withinMs: 30_000 });
      const run = runCommand('cleanup', { kubeconfig: bed.cluster.kubeconfig, namespace: bed.ownNamespace }, { at });
      await at;
      const { code, logs } = await run;

      expect([code, logs.at(-1)?.left]).toEqual([1, [`ServiceAccount ${namespace}/app`]]);
      for (const other of others) expect(await bed.pullSecretsOf(other, 'app')).toEqual(['zeta', 'alpha']);
      expect(await leaseOf(bed)).toBeUndefined();

      fault.end();
      await bed.service.start();
      await bed.service.ready();
      for (const other of others) await bed.servedWithin(other, 10_000);
    },
    TIMEOUT_MS,
  );
});

describe('cleaning up while the service runs', () => {
  const bed = useTestBed();

  it(
    'keeps a new installation waiting, which says for what, until when, and how to go on',
    async () => {
      const namespace = await attachedNamespace(bed);
      expect(await cleanUp(bed)).toMatchObject({ code: 1 });
      await bed.service.kill();
      await bed.service.start();

      const { message } = await configEventSaying(bed, 'KeptStillByCleanup', /delete lease/);
      const until = Date.now() + 300_000;
      expect(message).toContain(`kubectl delete lease -n ${bed.ownNamespace} ${LEASE}`);
      const suspended = async () => (await bed.service.status()).leader.suspendedUntil;
      const suspendedUntil = await eventually(suspended, { withinMs: PROMISED_MS });
      expect(Math.abs(Date.parse(suspendedUntil) - until)).toBeLessThan(30_000);
      expect(bed.service.logs.find(({ remedy }) => remedy !== undefined)).toMatchObject({ level: 'warn' });

      await bed.user.delete(resources.leases, { namespace: bed.ownNamespace, name: LEASE });
      await bed.servedWithin(namespace, 10_000);
      expect(await suspended()).toBeUndefined();
    },
    TIMEOUT_MS,
  );

  it(
    'removes everything, and nothing comes back while the service still runs, nor when it is gone',
    async () => {
      await attachedNamespace(bed);
      const { code, logs } = await cleanUp(bed);
      expect([code, logs.at(-1)?.left]).toEqual([1, [`Lease ${bed.ownNamespace}/${LEASE}`]]);
      expect(await remains(bed)).toEqual([]);

      await bed.namespace();
      await bed.enforce({ 'service-account': 'default' });
      expect(await remains(bed)).toEqual([]);

      expect(await cleanUp(bed)).toMatchObject({ code: 1 });
      expect(await remains(bed)).toEqual([]);

      await bed.service.kill();
      expect(await cleanUp(bed)).toMatchObject({ code: 0 });
      expect(await leaseOf(bed)).toBeUndefined();
    },
    TIMEOUT_MS,
  );
});
