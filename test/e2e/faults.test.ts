import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { PULL_SECRET } from '../contract/pull-secret-check.ts';
import { useTestBed } from '../contract/test-bed.ts';
import { serviceAccount } from '../contract/workloads.ts';
import { ApiServerProcess } from './api-server-process.ts';

const kubeconfig = inject('kubeconfig');
const apiServer = ApiServerProcess.of(kubeconfig);
/** A real API server needs some seconds to come back, and back-offs have grown meanwhile. */
const recovered = { withinMs: 60_000, everyMs: 200 };
const FROZEN_MS = 8_000;

describe.skipIf(apiServer === undefined)('on a control plane of our own', () => {
  const bed = useTestBed({ tokenLifeMs: 30_000 });

  /** New work of every kind is done: a Secret, a ServiceAccount, the registration. */
  async function expectAllServed(): Promise<void> {
    const namespace = await eventually(() => bed.namespace(), recovered);
    await bed.servedWithin(namespace, recovered.withinMs);
    await bed.user.create(resources.serviceAccounts, serviceAccount({ namespace, name: 'app' }, ['own']));
    await eventually(async () => (await bed.pullSecretsOf(namespace, 'app')).includes(PULL_SECRET), recovered);
    expect(await bed.pullSecretsOf(namespace, 'app')).toEqual(['own', PULL_SECRET]);
  }

  /** What was served before still is, with a token that is live now. */
  async function expectStillServed(namespace: string): Promise<void> {
    await eventually(() => bed.livePullSecret(namespace), recovered);
  }

  it('an API server that is killed and started again is followed on', async () => {
    const namespace = await bed.servedNamespace();
    await apiServer?.restart();
    expect(await bed.service.probe('/readyz')).toBe(200);
    await expectAllServed();
    await expectStillServed(namespace);
    expect(bed.service.isRunning).toBe(true);
  });

  it('an etcd that is frozen hangs nothing for ever, and work goes on when it thaws', async () => {
    const namespace = await bed.servedNamespace();
    const etcd = Number(readFileSync(join(dirname(kubeconfig), 'etcd.pid'), 'utf8'));
    process.kill(etcd, 'SIGSTOP');
    try {
      for (const until = performance.now() + FROZEN_MS; performance.now() < until;) {
        await sleep(500);
        expect([await bed.service.probe('/livez'), await bed.service.probe('/readyz')]).toEqual([200, 200]);
      }
    } finally {
      process.kill(etcd, 'SIGCONT');
    }
    await expectAllServed();
    await expectStillServed(namespace);
    expect(bed.service.stray).toEqual([]);
  });
});
