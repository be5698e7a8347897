import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PROBE_MESSAGE, type ProbeReport } from './probe.ts';

/** Loaded into the service before anything else (`--import`), so that what is measured needs no change of it; see probe.ts. */
const RESOLUTION_MS = 1;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on('SIGUSR2', () => {
  const eventLoopDelay = { p999Ms: delay.percentile(99.9) / 1e6, maxMs: delay.max / 1e6 };
  collectGarbage();
  const report: ProbeReport = { msg: PROBE_MESSAGE, eventLoopDelay, heapUsedBytes: process.memoryUsage().heapUsed };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  // The collection is none of the service's.
  setImmediate(() => delay.reset());
});
