import { expect, it } from 'vitest';
import { Pause } from '../../src/config/pause.ts';
import { resources } from '../../src/kube/resources.ts';
import { OFFICIAL_DEPLOYMENT, OfficialComponent } from '../../src/targets/official-component.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

async function setUp() {
  const clock = new ManualClock();
  const api = new MemoryApi();
  const pause = new Pause();
  const stop = new AbortController();
  const seen: number[] = [];
  const component = new OfficialComponent({ client: api, clock, pause, onRunning: () => seen.push(clock.now()) });
  const running = component.run(stop.signal);
  await clock.pass(0);
  const deploy = (replicas?: number) => {
    const deployment = { metadata: OFFICIAL_DEPLOYMENT, ...(replicas !== undefined && { spec: { replicas } }) };
    api.put(resources.deployments, deployment);
  };
  return { clock, api, pause, stop, seen, running, deploy };
}

it('is seen within a minute of when it appears, as long as it runs', async () => {
  const { clock, seen, deploy } = await setUp();
  await clock.pass(60_000);
  expect(seen).toEqual([]);
  deploy();
  await clock.pass(60_000);
  expect(seen).toHaveLength(1);
  deploy(0);
  await clock.pass(120_000);
  expect(seen).toHaveLength(1);
  deploy(1);
  await clock.pass(60_000);
  expect(seen).toHaveLength(2);
});

it('is nothing that is known where it may not be read, and nothing is said while all is paused', async () => {
  const { clock, api, pause, seen, deploy } = await setUp();
  deploy(1);
  api.intercept = () => {
    throw refusal(403, 'Forbidden');
  };
  await clock.pass(60_000);
  api.intercept = () => undefined;
  pause.switch(true);
  await clock.pass(60_000);
  expect(seen).toEqual([]);
});

it('is looked for until the end', async () => {
  const { stop, running } = await setUp();
  stop.abort();
  await running;
});
