import { setTimeout as sleep } from 'node:timers/promises';
import type { Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder } from '../../test/contract/change-recorder.ts';
import { eventually } from '../../test/contract/eventually.ts';
import { PULL_SECRET } from '../../test/contract/pull-secret-check.ts';
import { Child, cpuMsOf } from '../child.ts';
import { namespaceNames } from '../cluster.ts';
import { renewTokens } from '../configuration.ts';
import { interleave, medianOf } from '../interleave.ts';
import { idle } from '../large-bed.ts';
import { startRealCluster, type RealCluster } from '../real-cluster.ts';
import { REFERENCE_SECRET, referencePatches } from '../reference-patches.ts';
import type { Row } from '../row.ts';

const NAMESPACES = 1_000;
/** V8 has compiled what is done over and over by then. */
const WARM_UP_ROUNDS = 4;
const PATIENCE = { withinMs: 120_000, everyMs: 10 };

export const row: Row = {
  what: `a renewed token in ${NAMESPACES} namespaces of a real API server, against a bare undici Pool`,
  async measure({ pairs }) {
    const targets = namespaceNames(NAMESPACES);
    await using cluster = await startRealCluster({ 'watch-namespace': targets.join(), 'service-account': 'default' });
    await cluster.makeNamespaces(targets);
    await using reference = await Child.start('references/patch-secrets.ts', { kubeconfig: cluster.kubeconfig });
    const patches = referencePatches(await pullSecrets(cluster));
    const patchAll = () => reference.ask('write', patches());
    await patchAll();
    const pair = {
      subject: () =>
        fanOut(cluster, { name: PULL_SECRET, pid: cluster.service.pid, write: () => renewTokens(cluster.user) }),
      reference: () => fanOut(cluster, { name: REFERENCE_SECRET, pid: reference.pid, write: patchAll }),
    };
    await interleave(WARM_UP_ROUNDS, pair);
    const measured = await interleave(pairs, pair);
    const median = (of: keyof typeof measured, name: keyof FanOut) => medianOf(measured[of].map((each) => each[name]));
    const compared = (name: keyof FanOut) => ({
      value: median('subject', name),
      reference: { what: 'undici Pool of 32', value: median('reference', name) },
    });
    return [
      { what: `fan-out to ${NAMESPACES} namespaces`, unit: '1/s', ...compared('perSecond'), target: { atLeast: 0.85 } },
      { what: 'its processor time of a write', unit: 'ms', ...compared('cpuMs'), target: { atMost: 1.5 } },
      {
        what: 'its writes beyond one for each namespace',
        unit: '',
        value: Math.max(...measured.subject.map(({ changes }) => Math.abs(changes - NAMESPACES))),
        target: { atMost: 0 },
      },
    ];
  },
};

interface FanOut {
  /** From the first change to the last, as one watch tells of them. */
  perSecond: number;
  /** Of the process that writes, for each write. */
  cpuMs: number;
  changes: number;
}

async function fanOut(
  { client, service }: RealCluster,
  { name, pid, write }: { name: string; pid: number; write: () => Promise<unknown> },
): Promise<FanOut> {
  const fieldSelector = `metadata.name=${name}`;
  await using recorder = await ChangeRecorder.start<Secret>(client, resources.secrets, { fieldSelector });
  const cpuMs = await cpuMsOf(pid);
  await write();
  await eventually(() => recorder.changes.length >= NAMESPACES, PATIENCE);
  // For what the service's own watch tells it.
  await sleep(200);
  const spentMs = (await cpuMsOf(pid)) - cpuMs;
  await idle(service.pid);
  const { changes } = recorder;
  const [first, last] = [changes[0]?.at ?? NaN, changes[NAMESPACES - 1]?.at ?? NaN];
  return {
    perSecond: ((NAMESPACES - 1) * 1000) / (last - first),
    cpuMs: spentMs / NAMESPACES,
    changes: changes.length,
  };
}

/** Resolves to what the service wrote, once that is everything. */
async function pullSecrets({ client, service }: RealCluster): Promise<Secret[]> {
  const secrets = await eventually(async () => {
    const { items } = await client.list<Secret>(resources.secrets, { fieldSelector: `metadata.name=${PULL_SECRET}` });
    return items.length === NAMESPACES && items;
  }, PATIENCE);
  await idle(service.pid);
  return secrets;
}
