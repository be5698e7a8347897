import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import type { MutatingWebhookConfiguration, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { secretAt, serviceAccountAt } from '../builders/kube-objects.ts';
import { ClusterUser } from '../contract/cluster-user.ts';
import { runCommand, type CommandEnd } from '../contract/run-command.ts';
import type { LoggedRequest } from '../sandbox/api-server/request-log.ts';
import { SandboxApiServer } from '../sandbox/api-server/sandbox-api-server.ts';
import { idleOf, refusedOf, rightsOf, type Right } from './granted-rights.ts';
import { flagsOf, jobOf, renderCleanup } from './render-chart.ts';

const USER = 'system:serviceaccount:acr:acr-credential-injector-cleanup';
const PULL = 'acr-credential-secret-aggregation';
const ours = { labels: { 'app.kubernetes.io/managed-by': 'acr-credential-injector' } };

/** What a service that is gone has left. */
async function leaveBehind(admin: ClusterUser): Promise<void> {
  for (const name of ['acr', 'team']) await admin.create(resources.namespaces, { metadata: { name } });
  const own = ['tokens', 'ca'].map((name) => `acr/acr-credential-injector-${name}`);
  for (const key of [...own, `team/${PULL}`, `team/${PULL}-2`]) {
    await admin.create<Secret>(resources.secrets, secretAt(key, {}, ours));
  }
  await admin.create<ServiceAccount>(resources.serviceAccounts, serviceAccountAt('team/app', ['mine', PULL]));
  await admin.create<MutatingWebhookConfiguration>(resources.mutatingWebhookConfigurations, {
    metadata: { name: 'zz-acr-credential-injector' },
    webhooks: [],
  });
}

describe('the clean-up with the flags of the chart', () => {
  let end: CommandEnd;
  let requests: LoggedRequest[];
  let rights: Right[];

  beforeAll(async () => {
    const objects = await renderCleanup();
    rights = rightsOf(objects);
    const folder = await mkdtemp(join(tmpdir(), 'acr-credential-injector-cleanup-'));
    await using api = await SandboxApiServer.start();
    await writeFile(join(folder, 'admin'), api.kubeconfig());
    await writeFile(join(folder, 'cleanup'), api.kubeconfig(USER));
    const connection = KubeConnection.load(join(folder, 'admin'), systemClock);
    await leaveBehind(new ClusterUser(connection));
    const flags = flagsOf(jobOf(objects).template.spec.containers[0].args);
    end = await runCommand('cleanup', { ...flags, kubeconfig: join(folder, 'cleanup'), namespace: 'acr' });
    requests = api.requests.all.filter(({ user }) => user === USER);
    await connection.close();
    await rm(folder, { recursive: true });
  }, 120_000);

  it('leaves nothing', () => {
    expect(end.code).toBe(0);
    expect(end.logs.at(-1)?.removed).toEqual({ MutatingWebhookConfiguration: 1, ServiceAccount: 1, Secret: 4 });
  });

  it('asks for nothing that the chart does not grant', () => {
    expect(refusedOf(requests, rights)).toEqual([]);
  });

  it('makes use of every right', () => {
    expect(idleOf(requests, rights)).toEqual([]);
  });
});
