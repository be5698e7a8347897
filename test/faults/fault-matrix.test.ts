import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { eventually } from '../contract/eventually.ts';
import { AdmissionWatch, askAdmission } from './admission-watch.ts';
import { controllers } from './controllers.ts';
import { faults } from './faults.ts';
import { SERVICE_USER, ServiceInProcess } from './service-in-process.ts';
import { badLogins } from './token-audit.ts';

/** Back-offs grow with the failures and are jittered; what a fault of seconds leaves behind is over in this time. */
const recovered = { withinMs: 30_000, everyMs: 50 };
/** Of requests a second while a fault lasts, of all controllers and watches: they back off. */
const NO_STORM = 100;
const SERVED = 'served';

const rows = new Map<string, string[]>();
const unhandled: unknown[] = [];
const noteUnhandled = (error: unknown) => unhandled.push(error);

beforeAll(() => {
  process.on('unhandledRejection', noteUnhandled);
});

describe.concurrent('the service keeps serving and recovers by itself:', () => {
  it.each(faults.map((fault) => ({ ...fault })))('$name', { timeout: 120_000 }, async (fault) => {
    await using service = await ServiceInProcess.start();
    await service.user.create(resources.namespaces, { metadata: { name: SERVED } });
    await eventually(async () => (await askAdmission(service, SERVED)) === 'patched', recovered);
    const admission = new AdmissionWatch(service, SERVED);
    const requests = () => service.api.requests.count({ user: SERVICE_USER });

    const end = await fault.begin(service);
    const [requestsBefore, begunAt] = [requests(), performance.now()];
    const during = fault.takesClusterAway ? [] : await disturb(service);
    await sleep(fault.lastsMs);
    const load = ((requests() - requestsBefore) / (performance.now() - begunAt)) * 1_000;
    expect(await service.ready()).toBe(true);
    const answers = await admission.end();
    await end();
    const endedAt = performance.now();
    const rightAt = await Promise.all(fault.takesClusterAway ? await disturb(service) : during);
    await eventually(async () => (await askAdmission(service, SERVED)) === 'patched', recovered);
    rows.set(fault.name, [...rightAt.map((at) => cellOf(at, begunAt, endedAt)), answers, load.toFixed(0)]);

    expect(badLogins(service)).toEqual([]);
    const wrong = [...admission.verdicts].filter((verdict) => verdict !== 'patched');
    expect(wrong).toEqual(fault.deniesAdmission ? ['denied'] : []);
    expect(load).toBeLessThan(NO_STORM);
  });
});

it('nothing is left unhandled', () => {
  process.off('unhandledRejection', noteUnhandled);
  expect(unhandled).toEqual([]);
});

afterAll(() => {
  const head = ['fault', ...controllers.map(({ name }) => name), 'admission', 'requests/s'];
  const table = [head, ...faults.map(({ name }): string[] => [name, ...(rows.get(name) ?? ['failed'])])];
  const widths = head.map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  console.log(table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n'));
});

/** Gives every controller something to do. @returns for each when it is done, on the monotonic clock. */
async function disturb(service: ServiceInProcess): Promise<Promise<number>[]> {
  await Promise.all(controllers.map((controller) => controller.disturb(service)));
  return controllers.map(async ({ isRight, name }) => {
    try {
      await eventually(() => isRight(service), recovered);
      return performance.now();
    } catch (cause) {
      throw new Error(`${name}: not right again`, { cause });
    }
  });
}

function cellOf(rightAt: number, begunAt: number, endedAt: number): string {
  return rightAt < endedAt ? `${Math.round(rightAt - begunAt)} ms` : `end + ${Math.round(rightAt - endedAt)} ms`;
}
