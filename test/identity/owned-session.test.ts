import { describe, expect, test } from 'vitest';
import { CloudApiError } from '../../src/errors.ts';
import { OwnedSession } from '../../src/identity/owned-session.ts';
import type { Session } from '../../src/identity/session.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const signal = new AbortController().signal;
const minuteMs = 60_000;
const away = new CloudApiError('away', { code: 'ServiceUnavailable', retryable: true });

function setUp({ lifeMs = 60 * minuteMs } = {}) {
  const clock = new ManualClock();
  const notRenewed: { error: unknown; retryInMs: number }[] = [];
  const state = { opened: 0, failure: undefined as Error | undefined, latencyMs: 0 };
  const open = async (): Promise<Session> => {
    state.opened += 1;
    const number = state.opened;
    if (state.latencyMs > 0) await clock.sleep(state.latencyMs);
    if (state.failure) throw state.failure;
    const words = { accessKeySecret: 'simulated', securityToken: 'simulated' };
    return { accessKeyId: `STS.${number}`, ...words, expiresAt: clock.now() + lifeMs };
  };
  const owned = new OwnedSession({
    open,
    clock,
    random: () => 1,
    onNotRenewed: (error, retryInMs) => notRenewed.push({ error, retryInMs }),
  });
  const ask = async (forMs: number) => (await owned.session(clock.now() + forMs, signal)).accessKeyId;
  return { clock, owned, state, ask, notRenewed };
}

describe('a session that lives long enough', () => {
  test('is opened when it is first asked for, and serves until it is too short', async () => {
    const { clock, ask } = setUp();
    expect(await ask(20 * minuteMs)).toBe('STS.1');
    clock.advance(40 * minuteMs);
    expect(await ask(20 * minuteMs)).toBe('STS.1');
    clock.advance(1);
    expect(await ask(20 * minuteMs)).toBe('STS.2');
  });

  test('is alive, even for who needs it for no time', async () => {
    const { clock, ask } = setUp();
    await ask(0);
    clock.advance(60 * minuteMs);
    expect(await ask(-minuteMs)).toBe('STS.2');
  });

  test('is opened once for all who ask', async () => {
    const { ask, state } = setUp();
    expect(await Promise.all([ask(minuteMs), ask(minuteMs), ask(minuteMs)])).toEqual(['STS.1', 'STS.1', 'STS.1']);
    expect(state.opened).toBe(1);
  });

  test('is at best more than half of one: who asks for more than a session has does not make it be opened again', async () => {
    const { clock, ask } = setUp();
    expect(await ask(600 * minuteMs)).toBe('STS.1');
    clock.advance(30 * minuteMs - 1);
    expect(await ask(600 * minuteMs)).toBe('STS.1');
    clock.advance(1);
    expect(await ask(600 * minuteMs)).toBe('STS.2');
  });
});

describe('while no new one can be opened', () => {
  test('the old one serves to its end, and not a moment longer', async () => {
    const { clock, ask, state, notRenewed } = setUp();
    await ask(minuteMs);
    state.failure = away;
    clock.advance(59 * minuteMs + 59_999);
    expect(await ask(minuteMs)).toBe('STS.1');
    expect(notRenewed).toEqual([{ error: away, retryInMs: 1000 }]);
    clock.advance(1);
    await expect(ask(minuteMs)).rejects.toBe(away);
  });

  test('it is tried again after a back-off, however often it is asked for', async () => {
    const { clock, ask, state } = setUp();
    await ask(minuteMs);
    state.failure = away;
    clock.advance(50 * minuteMs);
    for (let second = 0; second < 500; second++) {
      expect(await ask(20 * minuteMs)).toBe('STS.1');
      clock.advance(1000);
    }
    // After 1, 2, 4, 8, 16 and 32 s, and then every minute.
    expect(state.opened).toBe(1 + 6 + Math.ceil((500 - 31) / 60));
    state.failure = undefined;
    clock.advance(minuteMs);
    expect(await ask(20 * minuteMs)).toMatch(/^STS\./);
    state.failure = away;
    clock.advance(59 * minuteMs);
    await ask(20 * minuteMs);
    clock.advance(1000);
    const { opened } = state;
    await ask(20 * minuteMs);
    expect(state.opened, 'the back-off begins anew after a success').toBe(opened + 1);
  });

  test('what the cloud asks to wait is waited', async () => {
    const { clock, ask, state } = setUp();
    state.failure = new CloudApiError('slow down', { code: 'Throttling.User', retryable: true, retryAfterMs: 5000 });
    await expect(ask(minuteMs)).rejects.toBe(state.failure);
    clock.advance(4999);
    await expect(ask(minuteMs)).rejects.toBe(state.failure);
    expect(state.opened).toBe(1);
    clock.advance(1);
    await expect(ask(minuteMs)).rejects.toBe(state.failure);
    expect(state.opened).toBe(2);
  });

  test('it is told by whoever asks where there is none, and by nobody else', async () => {
    const { ask, state, notRenewed } = setUp();
    state.failure = away;
    await expect(ask(minuteMs)).rejects.toBe(away);
    expect(notRenewed).toEqual([]);
  });
});

describe('a session that the cloud does not accept', () => {
  test('is opened anew for the next who asks', async () => {
    const { owned, clock, ask } = setUp();
    owned.forget(await owned.session(clock.now() + minuteMs, signal));
    expect(await ask(minuteMs)).toBe('STS.2');
  });

  test('is not the one that came after it', async () => {
    const { owned, clock, ask } = setUp();
    const old = await owned.session(clock.now() + minuteMs, signal);
    clock.advance(59 * minuteMs + 1);
    expect(await ask(minuteMs)).toBe('STS.2');
    owned.forget(old);
    expect(await ask(minuteMs)).toBe('STS.2');
  });
});

test('a caller who gives up gets his own reason, even where an old session would do', async () => {
  const { owned, clock, ask, state } = setUp();
  await ask(minuteMs);
  clock.advance(59 * minuteMs + 1);
  state.latencyMs = 1000;
  const giveUp = new AbortController();
  const asked = owned.session(clock.now() + minuteMs, giveUp.signal);
  giveUp.abort(new Error('shutting down'));
  await expect(asked).rejects.toThrow('shutting down');
});
