import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cpuMsOf } from '../child.ts';
import { endService, namespaceNames, serviceIn, webhookPortOf } from '../cluster.ts';
import { registryInfo } from '../configuration.ts';
import { exponentOf, type Curve } from '../curve.ts';
import { drawGrowth } from '../growth-picture.ts';
import { idle, startLargeBed, type LargeBedOptions } from '../large-bed.ts';
import { KeepAliveLoad } from '../load/keep-alive-load.ts';
import { paddedPod } from '../load/padded-pod.ts';
import { REVIEWED_NAMESPACE, reviewRequest } from '../load/review-request.ts';
import { residentMbOf } from '../probe.ts';
import type { Figure, Row } from '../row.ts';

const RESULTS = join(import.meta.dirname, '..', 'results', 'growth.json');
/** Shown by docs/performance.md. */
const PICTURE = join(import.meta.dirname, '..', '..', 'docs', 'growth.svg');
const KB = 1_000;
/** A Pod of 1.5 MB takes 10 ms and more: enough of them for a mean. */
const LOAD_MS = 5_000;
const MAX_EXPONENT = 1.1;

export const row: Row = {
  what: 'how cost grows with namespaces, ServiceAccounts, registries, the size of a Pod and replicas',
  async measure() {
    const curves = [
      ...(await grow('namespaces', [100, 300, 1_000, 3_000, 10_000], (count) =>
        costsOf({ namespaces: namespaceNames(count), serviceAccounts: 0 }),
      )),
      ...(await grow('ServiceAccounts', [1_000, 5_000, 20_000, 100_000], (count) =>
        costsOf({ namespaces: namespaceNames(100), serviceAccounts: count / 100 - 1 }),
      )),
      ...(await grow('registries', [1, 5, 10, 25, 50], costsOfRegistries)),
      ...(await grow('bytes of a Pod', [4 * KB, 40 * KB, 150 * KB, 500 * KB, 1_500 * KB], costsOfPod)),
      ...(await grow('replicas', [1, 2, 3, 5], costsOfReplicas)),
    ];
    await mkdir(dirname(RESULTS), { recursive: true });
    await writeFile(RESULTS, `${JSON.stringify(curves, null, 2)}\n`);
    await writeFile(PICTURE, drawGrowth(curves));
    return curves.map(asFigure);
  },
};

type Costs = Readonly<Record<string, { unit: string; value: number }>>;

async function grow(
  axis: string,
  sizes: readonly number[],
  measure: (size: number) => Promise<Costs>,
): Promise<Curve[]> {
  const measured: { size: number; costs: Costs }[] = [];
  for (const size of sizes) measured.push({ size, costs: await measure(size) });
  return Object.entries(measured[0]?.costs ?? {}).map(([figure, { unit }]) => ({
    axis,
    figure,
    unit,
    points: measured.map(({ size, costs }) => [size, costs[figure]?.value ?? NaN] as const),
  }));
}

/** Of a renewal, a relist, and memory. */
async function costsOf(options: LargeBedOptions): Promise<Costs> {
  await using bed = await startLargeBed(options);
  const { pid } = bed.service;
  const cpuSecondsOf = async (work: () => Promise<void>) => {
    const before = await cpuMsOf(pid);
    await work();
    await idle(pid);
    return ((await cpuMsOf(pid)) - before) / 1_000;
  };
  const renewal = await cpuSecondsOf(bed.renew);
  const relist = await cpuSecondsOf(bed.relist);
  const { peak } = await residentMbOf(pid);
  return {
    'processor time of a renewal': { unit: 's', value: renewal },
    'processor time of a relist': { unit: 's', value: relist },
    'most resident memory': { unit: 'MB', value: peak },
  };
}

async function costsOfRegistries(registries: number): Promise<Costs> {
  const forPart = (namespaces: readonly string[], index: number) =>
    namespaces.filter((_, at) => at % registries === index);
  return {
    'pull Secrets of 100 namespaces': { unit: 'kB', value: await pullSecretKb(registries) },
    'each registry for its part of them': { unit: 'kB', value: await pullSecretKb(registries, forPart) },
  };
}

/** @param targetsOf which of the namespaces a registry is meant for, as its entry says; all unless told. */
async function pullSecretKb(
  registries: number,
  targetsOf?: (namespaces: readonly string[], index: number) => string[],
): Promise<number> {
  const namespaces = namespaceNames(100);
  const configuration = {
    'acr-registry-info': registryInfo(registries, (index) => targetsOf?.(namespaces, index)),
    'watch-namespace': namespaces.join(),
  };
  await using bed = await startLargeBed({ namespaces, serviceAccounts: 0, registries, configuration });
  return (await bed.cluster.ask<number>('pullSecretBytes')) / KB;
}

async function costsOfPod(bytes: number): Promise<Costs> {
  await using bed = await startLargeBed({ namespaces: [REVIEWED_NAMESPACE], serviceAccounts: 0 });
  const { service } = bed;
  const port = await webhookPortOf(service);
  using load = await KeepAliveLoad.open(port, 4);
  const request = paddedPod(await reviewRequest('Pod', 'keep-alive'), bytes);
  await load.run(request, LOAD_MS);
  const before = await cpuMsOf(service.pid);
  const { latenciesMs } = await load.run(request, LOAD_MS);
  return {
    'processor time of an admission': {
      unit: 'ms',
      value: ((await cpuMsOf(service.pid)) - before) / latenciesMs.length,
    },
  };
}

/** Of a renewal of 1,000 namespaces, in all replicas together. */
async function costsOfReplicas(replicas: number): Promise<Costs> {
  const namespaces = namespaceNames(1_000);
  await using bed = await startLargeBed({ namespaces, serviceAccounts: 4 });
  await using others = new AsyncDisposableStack();
  const pids = [bed.service.pid];
  for (let index = 1; index < replicas; index += 1) {
    const replica = others.adopt(serviceIn(bed.cluster.ready), endService);
    await replica.start();
    await replica.ready();
    await idle(replica.pid);
    pids.push(replica.pid);
  }
  const cpuMs = async () => (await Promise.all(pids.map(cpuMsOf))).reduce((sum, each) => sum + each, 0);
  const before = await cpuMs();
  await bed.renew();
  await Promise.all(pids.map(idle));
  const spent = (await cpuMs()) - before;
  return {
    'processor time of a renewal, all together': { unit: 's', value: spent / 1_000 },
    'writes of a renewal': { unit: '', value: await bed.cluster.ask<number>('pullSecretWrites') },
  };
}

/** As a figure: the exponent of the power of x that fits best at the upper end, where fixed cost hides nothing. 1 is linear. */
function asFigure({ axis, figure, points }: Curve): Figure {
  const note = points.map(([x, y]) => `${x.toLocaleString('en-US')}: ${Number(y.toPrecision(3))}`).join('; ');
  const value = Number(exponentOf(points.slice(-3)).toFixed(3));
  return {
    what: `growth with ${axis}: exponent of ${figure}`,
    unit: '',
    value,
    target: { atMost: MAX_EXPONENT },
    note,
  };
}
