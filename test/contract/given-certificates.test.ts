import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MutatingWebhookConfiguration, Secret, ServiceAccount } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { writeDevelopmentCertificates } from '../certificates/development-certificates.ts';
import { eventually } from './eventually.ts';
import { PULL_SECRET } from './pull-secret-check.ts';
import { REGISTRATION, useTestBed } from './test-bed.ts';
import { namesIn, serviceAccount } from './workloads.ts';

/** As a Secret of cert-manager is mounted: `tls.crt`, `tls.key` and `ca.crt`. */
let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'acr-credential-injector-tls-'));
  await writeDevelopmentCertificates(directory, ['127.0.0.1']);
});
afterAll(() => rm(directory, { recursive: true }));

describe('with a certificate of somebody else', () => {
  const bed = useTestBed({ started: false });

  it('the API server is told of its CA, and comes through; the service keeps no CA', async () => {
    await using replica = bed.newReplica({ 'tls-dir': directory });
    await replica.start();
    await replica.ready();
    const { webhooks = [] } = await bed.client.get<MutatingWebhookConfiguration>(
      resources.mutatingWebhookConfigurations,
      { name: REGISTRATION },
    );
    const bundles = webhooks.map(({ clientConfig }) => atob(clientConfig.caBundle ?? ''));
    expect(new Set(bundles)).toEqual(new Set([await readFile(join(directory, 'ca.crt'), 'utf8')]));
    const namespace = await bed.servedNamespace();
    const created = await bed.user.create<ServiceAccount>(
      resources.serviceAccounts,
      serviceAccount({ namespace, name: 'app' }),
    );
    expect(namesIn(created.imagePullSecrets)).toEqual([PULL_SECRET]);
    const ca = { namespace: bed.ownNamespace, name: 'acr-credential-injector-ca' };
    expect(await bed.find<Secret>(resources.secrets, ca)).toBeUndefined();
  });
});

describe('a change from certificates of its own to those of somebody else', () => {
  const bed = useTestBed();

  it('waits while the webhook is on, with what there was before at work, and goes on while it is off', async () => {
    await using successor = bed.newReplica({ 'tls-dir': directory });
    await successor.start();
    const { status } = await successor.addresses();
    await eventually(async () => {
      const { checks } = (await (await fetch(`http://${status}/readyz`)).json()) as { checks: Record<string, boolean> };
      return (
        Object.keys(checks)
          .filter((name) => !checks[name])
          .join() === 'trusted'
      );
    });
    await bed.enforce({ 'webhook-configuration': 'enable: false' });
    await successor.ready();
    await bed.service.kill();
    await eventually(async () => (await successor.metric('leader')) === 1, { withinMs: 20_000 });
    await bed.configure();
    await eventually(async () => (await successor.status()).webhookTrusted);
  });
});
