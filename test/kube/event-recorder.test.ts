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
let recorder: EventRecorder;

beforeEach(() => {
  clock = new ManualClock();
  api = new MemoryApi();
  failures = [];
  recorder = new EventRecorder({ client: api, clock, ownNamespace: 'acr', onFailure: (error) => failures.push(error) });
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
