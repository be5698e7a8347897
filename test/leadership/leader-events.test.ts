import { beforeEach, expect, it } from 'vitest';
import type { EventNote } from '../../src/kube/event-recorder.ts';
import { LeaderEvents } from '../../src/leadership/leader-events.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const subject = { apiVersion: 'v1', kind: 'ConfigMap', name: 'acr-configuration' };
const note = (message: string): EventNote => ({ type: 'Warning', reason: 'InvalidConfiguration', message });

let clock: ManualClock;
let written: string[];
let leads: boolean;
let events: LeaderEvents;

beforeEach(() => {
  clock = new ManualClock();
  written = [];
  leads = false;
  events = new LeaderEvents({
    recorder: { record: (_subject, { message }) => written.push(message) },
    clock,
    leads: () => leads,
  });
});

it('a leader writes its Events, a follower none', () => {
  events.record(subject, note('seen by a follower'));
  expect(written).toEqual([]);
  leads = true;
  events.record(subject, note('seen by the leader'));
  expect(written).toEqual(['seen by the leader']);
});

it('who begins to lead writes what the one before may not have lived to write, once, and nothing older', () => {
  events.record(subject, note('long ago'));
  clock.advance(25_000);
  events.record(subject, note('while nobody led'));
  clock.advance(14_000);
  leads = true;
  events.begin();
  expect(written).toEqual(['while nobody led']);
  events.begin();
  expect(written).toHaveLength(1);
});
