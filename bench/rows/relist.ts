import { cpuMsOf } from '../child.ts';
import { medianOf } from '../interleave.ts';
import { idle, NAMESPACES, SERVICE_ACCOUNTS, startLargeBed, type LargeBed } from '../large-bed.ts';
import { probe, PROBED } from '../probe.ts';
import type { Row } from '../row.ts';

const WHAT = `a relist of ${NAMESPACES} namespaces and ${SERVICE_ACCOUNTS} ServiceAccounts that finds all as it was`;

export const row: Row = {
  what: WHAT,
  async measure({ pairs }) {
    await using bed = await startLargeBed({ nodeOptions: PROBED });
    await relistOnce(bed); // to warm up
    const rounds: Awaited<ReturnType<typeof relistOnce>>[] = [];
    for (let round = 0; round < pairs; round += 1) rounds.push(await relistOnce(bed));
    const median = (name: 'cpuSeconds' | 'stallMs') => medianOf(rounds.map((each) => each[name]));
    const longest = Math.max(...rounds.map(({ stallMs }) => stallMs));
    return [
      { what: `${WHAT}: writes`, unit: '', value: sumOf(rounds.map(({ writes }) => writes)), target: { atMost: 0 } },
      { what: 'its processor time', unit: 's', value: median('cpuSeconds'), target: { atMost: 2 } },
      {
        what: 'the longest stall of its event loop',
        unit: 'ms',
        value: median('stallMs'),
        target: { atMost: 20 },
        note: `of all rounds ${Math.round(longest)} ms`,
      },
    ];
  },
};

async function relistOnce({ service, cluster, relist }: LargeBed) {
  await cluster.ask('forgetRequests');
  await probe(service);
  const before = await cpuMsOf(service.pid);
  await relist();
  await idle(service.pid);
  const cpuSeconds = ((await cpuMsOf(service.pid)) - before) / 1000;
  const { eventLoopDelay } = await probe(service);
  return { cpuSeconds, stallMs: eventLoopDelay.maxMs, writes: await cluster.ask<number>('writes') };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
