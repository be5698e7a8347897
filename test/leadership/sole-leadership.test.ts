import { expect, it } from 'vitest';
import { SoleLeadership } from '../../src/leadership/leadership.ts';
import { OptionsError } from '../../src/commands/flag-reader.ts';
import { parseServeOptions } from '../../src/commands/serve-options.ts';

it('a replica that knows of no other leads from its begin to its end', async () => {
  const leadership = new SoleLeadership('alone');
  const stopping = new AbortController();
  const terms: AbortSignal[] = [];
  expect(leadership.leads).toBe(false);
  await leadership.run(stopping.signal, (term) => terms.push(term));
  await leadership.settled;
  expect([leadership.leads, leadership.holder, terms.length]).toEqual([true, 'alone', 1]);
  stopping.abort();
  expect([leadership.leads, terms[0]?.aborted]).toEqual([false, true]);
});

it('an election is held unless `--leader-elect` says false', () => {
  expect(parseServeOptions([], {}).leaderElect).toBe(true);
  expect(parseServeOptions(['--leader-elect=false'], {}).leaderElect).toBe(false);
  expect(parseServeOptions([], { ACR_INJECTOR_LEADER_ELECT: 'false' }).leaderElect).toBe(false);
  expect(() => parseServeOptions(['--leader-elect=perhaps'], {})).toThrow(OptionsError);
});
