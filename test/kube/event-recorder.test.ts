import { beforeEach, describe, expect, it } from 'vitest';
import { EventRecorder, type EventNote, type EventSubject } from '../../src/kube/event-recorder.ts';
import type { KubeEvent } from '../../src/kube/objects.ts';
import { resources } from '../../src/kube/resources.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryApi, refusal } from '../fakes/memory-api.ts';

const subject: EventSubject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'kube-system',
  name: 'settings',
  uid: 'u1',
};
const note: EventNote = { type: 'Warning', reason: 'InvalidConfiguration', message: 'line 1' };

let clock: ManualClock;
let api: MemoryApi;
let failures: unknown[];
let floods: number;
let recorder: EventRecorder;

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  failures = [];
  floods = 0;
  recorder = new EventRecorder({
    client: api,
    clock,
    ownNamespace: 'acr',
    onFailure: (error) => failures.push(error),
    onFlood: () => (floods += 1),
  });
});

async function events(): Promise<KubeEvent[]> {
  await clock.pass(0);
  return api.readAll(resources.events) as KubeEvent[];
}

describe('an Event', () => {
  it('is written beside what it is about, so that kubectl describe finds it', async () => {
    recorder.record(subject, note);
    expect(await events()).toMatchObject([
      {
        metadata: { namespace: 'kube-system' },
        involvedObject: subject,
        ...note,
        source: { component: 'acr-credential-injector' },
        firstTimestamp: '2026-01-02T03:04:05Z',
      },
    ]);
  });

  it('about an object without a namespace is written to the namespace default', async () => {
    recorder.record({ apiVersion: 'v1', kind: 'Namespace', name: 'team-a' }, note);
    expect((await events())[0]?.metadata.namespace).toBe('default');
  });

  it('is cut to what the API server takes', async () => {
    recorder.record({ ...subject, name: 'n'.repeat(253) }, { ...note, message: 'm'.repeat(5000) });
    expect((await events())[0]?.message).toHaveLength(1024);
    expect((await events())[0]?.metadata.name?.length).toBeLessThanOrEqual(253);
  });

  it('has a name of its own however many are written', async () => {
    for (const reason of ['A', 'B', 'C']) recorder.record(subject, { ...note, reason });
    expect(new Set((await events()).map(({ metadata }) => metadata.name)).size).toBe(3);
  });

  it('that says the same again is written once in ten minutes', async () => {
    for (let minute = 0; minute < 10; minute++) {
      recorder.record(subject, note);
      clock.advance(60_000);
    }
    expect(await events()).toHaveLength(1);
    recorder.record(subject, note);
    expect(await events()).toHaveLength(2);
  });

  it('that says something else is written at once', async () => {
    recorder.record(subject, note);
    recorder.record(subject, { ...note, message: 'line 2' });
    recorder.record({ ...subject, namespace: 'other' }, note);
    expect(await events()).toHaveLength(3);
  });

  it('that cannot be written disturbs nobody', async () => {
    api.intercept = () => {
      throw refusal(403, 'Forbidden');
    };
    recorder.record(subject, note);
    await clock.pass(0);
    expect(failures).toMatchObject([{ status: 403 }]);
  });
});

it('a clock that was set back by a day does not silence the same Event for a day', async () => {
  recorder.record(subject, note);
  clock.set(clock.now() - 24 * 3_600_000);
  recorder.record(subject, note);
  expect(await events()).toHaveLength(2);
});

describe('a flood of Events', () => {
  /** Requests that wait for an answer. */
  let open: (() => void)[];

  beforeEach(() => {
    open = [];
    api.beforeAnswer = () => new Promise((resolve) => open.push(() => resolve()));
  });

  async function answerAll(): Promise<void> {
    while (open.length > 0) {
      for (const answer of open.splice(0)) answer();
      await clock.pass(0);
    }
  }

  const floodOf = (count: number) => {
    for (let index = 0; index < count; index++) recorder.record({ ...subject, namespace: `team-${index}` }, note);
  };

  it('is written a few at a time, as many as may wait; that the rest is left out is told once', async () => {
    floodOf(5_000);
    await clock.pass(0);
    expect(open).toHaveLength(8);
    expect(floods).toBe(1);
    await answerAll();
    expect(await events()).toHaveLength(208);
    expect(floods).toBe(1);
  });

  it('is told of again when another comes after it', async () => {
    floodOf(5_000);
    await clock.pass(0);
    await answerAll();
    floodOf(5_000);
    expect(floods).toBe(2);
  });

  it('does not count as written what it left out', async () => {
    floodOf(209);
    await clock.pass(0);
    await answerAll();
    floodOf(209);
    await clock.pass(0);
    await answerAll();
    expect(await events()).toHaveLength(209);
  });

  it('holds nothing up for good where Events are refused', async () => {
    api.intercept = () => {
      throw refusal(403, 'Forbidden');
    };
    floodOf(100);
    await clock.pass(0);
    expect(failures).toHaveLength(100);
    expect(floods).toBe(0);
  });
});
