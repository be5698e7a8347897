import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ClusterUser } from '../../test/contract/cluster-user.ts';
import { eventually } from '../../test/contract/eventually.ts';
import { PULL_SECRET } from '../../test/contract/pull-secret-check.ts';
import { Child, cpuMsOf } from '../child.ts';
import { namespaceNames } from '../cluster.ts';
import { configurationOf, configure } from '../configuration.ts';
import { interleave, medianOf } from '../interleave.ts';
import { startLargeBed } from '../large-bed.ts';
import { nearRecorded } from '../recorded-ratio.ts';
import { referencePatches } from '../reference-patches.ts';
import type { Row } from '../row.ts';

const NAMESPACES = 1_000;
const PATIENCE = { withinMs: 120_000, everyMs: 50 };
/** V8 has compiled what is done over and over by then. */
const WARM_UP_ROUNDS = 8;

export const row: Row = {
  what: `processor time of a pull Secret's write, ${NAMESPACES} at once, against a bare undici Pool`,
  async measure({ pairs }) {
    await using bed = await startLargeBed({ namespaces: namespaceNames(NAMESPACES), serviceAccounts: 0 });
    const { service, cluster } = bed;
    const { kubeconfig } = cluster.ready;
    await using reference = await Child.start('references/patch-secrets.ts', { kubeconfig });
    const connection = KubeConnection.load(kubeconfig, systemClock);
    const user = new ClusterUser(connection);
    const fieldSelector = `metadata.name=${PULL_SECRET}`;
    const { items } = await new KubeClient(connection).list<Secret>(resources.secrets, { fieldSelector });
    const patches = referencePatches(items);
    const fanOut = async () => {
      await cluster.ask('forgetRequests');
      // A renewal would take a while before it writes, which is not to count.
      await configure(user, configurationOf({ configuration: { 'notify-email': `${randomUUID()}@example.com` } }));
      await eventually(async () => (await cluster.ask<number>('pullSecretWrites')) >= NAMESPACES, PATIENCE);
      // For the last answers, and what the service's own watch tells it.
      await sleep(200);
    };
    const pair = {
      subject: () => cpuOfWrite(service.pid, fanOut),
      reference: () => cpuOfWrite(reference.pid, () => reference.ask('write', patches())),
    };
    await interleave(WARM_UP_ROUNDS, pair);
    const measured = await interleave(pairs, pair);
    await connection.close();
    return [
      {
        what: 'processor time of a fan-out write',
        unit: 'µs',
        value: medianOf(measured.subject),
        reference: { what: 'bare undici Pool', value: medianOf(measured.reference) },
        target: nearRecorded('fan-out-cpu'),
      },
    ];
  },
};

/** In microseconds. */
async function cpuOfWrite(pid: number, writeAll: () => Promise<void>): Promise<number> {
  const before = await cpuMsOf(pid);
  await writeAll();
  return (((await cpuMsOf(pid)) - before) * 1000) / NAMESPACES;
}
