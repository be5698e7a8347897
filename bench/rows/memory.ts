import { setTimeout as sleep } from 'node:timers/promises';
import { namespaceNames } from '../cluster.ts';
import { BESIDES_DEFAULT, idle, NAMESPACES, SERVICE_ACCOUNTS, startLargeBed } from '../large-bed.ts';
import { probe, PROBED, residentMbOf } from '../probe.ts';
import type { Row } from '../row.ts';

const SMALL_CLUSTER = 10;
const IDLE_AFTER_MS = 60_000;

export const row: Row = {
  what: 'memory: idle in a small cluster, for each ServiceAccount, and at most in a large cluster',
  async measure() {
    const idleMb = await idleMemory();
    const bytes = await bytesOfServiceAccount();
    const { peakMb, laterMb } = await peakMemory();
    return [
      {
        what: `resident memory, ${SMALL_CLUSTER} namespaces, a minute after the start`,
        unit: 'MB',
        value: idleMb,
        target: { atMost: 130 },
      },
      {
        what: `heap of a ServiceAccount, of ${SERVICE_ACCOUNTS}`,
        unit: 'bytes',
        value: bytes,
        target: { atMost: 400 },
      },
      {
        what: `most resident memory, ${NAMESPACES} namespaces, ${SERVICE_ACCOUNTS} ServiceAccounts: start, renewal, relist`,
        unit: 'MB',
        value: peakMb,
        target: { atMost: 2 * idleMb },
        note: `a minute later ${Math.round(laterMb)} MB`,
      },
    ];
  },
};

async function idleMemory(): Promise<number> {
  await using bed = await startLargeBed({ namespaces: namespaceNames(SMALL_CLUSTER) });
  await sleep(IDLE_AFTER_MS);
  return (await residentMbOf(bed.service.pid)).now;
}

async function bytesOfServiceAccount(): Promise<number> {
  await using bed = await startLargeBed({ serviceAccounts: 0, nodeOptions: PROBED });
  const { service, cluster } = bed;
  const { heapUsedBytes: before } = await probe(service);
  await cluster.ask('addServiceAccounts', BESIDES_DEFAULT);
  await idle(service.pid);
  const { heapUsedBytes: after } = await probe(service);
  return (after - before) / (NAMESPACES * BESIDES_DEFAULT);
}

async function peakMemory(): Promise<{ peakMb: number; laterMb: number }> {
  await using bed = await startLargeBed();
  await bed.renew();
  await bed.relist();
  await idle(bed.service.pid);
  const { peak: peakMb } = await residentMbOf(bed.service.pid);
  await sleep(IDLE_AFTER_MS);
  return { peakMb, laterMb: (await residentMbOf(bed.service.pid)).now };
}
