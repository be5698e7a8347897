import { expect, it } from 'vitest';
import { ServerVersion } from '../../src/kube/server-version.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

interface Answer {
  minor: string;
  gitVersion: string;
}

function versionOf(answers: (string | Error | Answer)[]) {
  const clock = new ManualClock();
  const failures: number[] = [];
  const changes: number[] = [];
  const version = new ServerVersion({
    clock,
    client: {
      version: () => {
        const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? new Error('nothing is left');
        if (answer instanceof Error) return Promise.reject(answer);
        const told = typeof answer === 'string' ? { minor: answer, gitVersion: `v1.${answer}.0` } : answer;
        return Promise.resolve({ major: '1', ...told });
      },
    },
    onFailure: (_error, retryInMs) => failures.push(retryInMs),
  });
  version.onChange(() => changes.push(version.minor));
  const stop = new AbortController();
  return { clock, failures, changes, version, stop, running: version.run(stop.signal) };
}

it('the version is read at once, also where it has a mark of a managed cluster', async () => {
  const { version } = versionOf(['20+']);
  await version.known;
  expect(version.minor).toBe(20);
});

it.each(['', 'unknown', '+'])(
  'the version of a server that says minor `%s` is read from its git version',
  async (minor) => {
    const { clock, version, changes, failures } = versionOf([{ minor, gitVersion: 'v1.29.3-aliyun.1' }]);
    await clock.pass(600_000);
    expect(version.minor).toBe(29);
    expect(changes).toEqual([]);
    expect(failures).toEqual([]);
  },
);

it('a server that tells no version is asked again soon, and leaves what was known', async () => {
  const { clock, version, changes, failures } = versionOf(['29', { minor: '', gitVersion: '' }, '29']);
  await clock.pass(70_000);
  expect(version.minor).toBe(29);
  expect(changes).toEqual([]);
  expect(failures).toHaveLength(1);
});

it('the version of a server that was upgraded is known within a minute, and told once', async () => {
  const { clock, version, changes } = versionOf(['29', '29', '30']);
  await clock.pass(60_000);
  expect(changes).toEqual([]);
  await clock.pass(60_000);
  expect(version.minor).toBe(30);
  await clock.pass(300_000);
  expect(changes).toEqual([30]);
});

it('a server that cannot be asked is asked again soon, and leaves what was known', async () => {
  const { clock, version, failures, changes } = versionOf(['29', new Error('away'), new Error('away'), '30']);
  await clock.pass(60_000);
  expect(version.minor).toBe(29);
  await clock.pass(10_000);
  expect(failures).toHaveLength(2);
  expect(changes).toEqual([30]);
});

it('the reading ends with the service', async () => {
  const { stop, running, failures } = versionOf(['29']);
  stop.abort();
  await running;
  expect(failures).toEqual([]);
});
