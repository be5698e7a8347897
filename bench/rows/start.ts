import { get } from 'node:http';
import { eventually } from '../../test/contract/eventually.ts';
import type { ServiceProcess } from '../../test/contract/service-process.ts';
import { endService, namespaceNames, serviceIn, startCluster } from '../cluster.ts';
import { medianOf } from '../interleave.ts';
import type { Row } from '../row.ts';

const NAMESPACES = 10;
const STARTS = 20;
const OFTEN = { everyMs: 3, withinMs: 30_000 };

export const row: Row = {
  what: `from the start of a process until it is ready, beside one that leads, in ${NAMESPACES} namespaces`,
  async measure() {
    await using started = new AsyncDisposableStack();
    const cluster = started.use(await startCluster({ namespaces: namespaceNames(NAMESPACES) }));
    const leader = started.adopt(serviceIn(cluster.ready), endService);
    await leader.start();
    await leader.ready();
    const timesMs: number[] = [];
    // The first one fills the compile cache.
    for (let start = 0; start <= STARTS; start++) {
      timesMs.push(await startTimeMs(serviceIn(cluster.ready, { compileCache: true })));
    }
    const value = medianOf(timesMs.slice(1));
    return [{ what: `start, median of ${STARTS}`, unit: 'ms', value, target: { atMost: 500 } }];
  },
};

async function startTimeMs(service: ServiceProcess): Promise<number> {
  const { status } = await service.addresses();
  const startedAt = performance.now();
  const started = service.start();
  await eventually(() => isReady(`http://${status}/readyz`), OFTEN);
  const tookMs = performance.now() - startedAt;
  await started;
  await endService(service);
  return tookMs;
}

function isReady(url: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).once('error', reject);
  });
}
