import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace, Secret } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ChangeRecorder, type Change } from '../../test/contract/change-recorder.ts';
import { eventually } from '../../test/contract/eventually.ts';
import { PULL_SECRET } from '../../test/contract/pull-secret-check.ts';
import { quantileOf } from '../interleave.ts';
import { startRealCluster } from '../real-cluster.ts';
import type { Row } from '../row.ts';

const NAMESPACES = 300;
const WARM_UP = 20;
const PER_SECOND = 10;

export const row: Row = {
  what: `from a namespace to its pull Secret, ${PER_SECOND} new ones a second on a real API server`,
  async measure() {
    await using cluster = await startRealCluster();
    const { client, makeNamespaces } = cluster;
    await using namespaces = await ChangeRecorder.start<Namespace>(client, resources.namespaces);
    await using secrets = await ChangeRecorder.start<Secret>(client, resources.secrets, {
      fieldSelector: `metadata.name=${PULL_SECRET}`,
    });
    const names = Array.from({ length: WARM_UP + NAMESPACES }, (_, index) => `new-${index}`);
    const startedAt = performance.now();
    for (const [index, name] of names.entries()) {
      await sleep(Math.max(0, startedAt + (index * 1_000) / PER_SECOND - performance.now()));
      await makeNamespaces([name]);
    }
    const seenAt = (changes: readonly Change<Secret | Namespace>[], nameOf: (change: Change<Secret>) => string) =>
      new Map(changes.filter(({ type }) => type === 'ADDED').map((change) => [nameOf(change), change.at]));
    const served = () => seenAt(secrets.changes, ({ object }) => object.metadata.namespace ?? '');
    await eventually(() => names.every((name) => served().has(name)), { withinMs: 30_000 });
    const made = seenAt(namespaces.changes, ({ object }) => object.metadata.name ?? '');
    const waits = names.slice(WARM_UP).map((name) => (served().get(name) ?? NaN) - (made.get(name) ?? NaN));
    return [
      {
        what: `from ADDED namespace to ADDED Secret, p99 of ${NAMESPACES}`,
        unit: 'ms',
        value: quantileOf(waits, 0.99),
        target: { atMost: 50 },
        note: `median ${quantileOf(waits, 0.5)} ms`,
      },
    ];
  },
};
