import type { Clock } from '../../../src/clock.ts';

/** Time that passes when a test says so. */
export class HandClock implements Clock {
  time = Date.parse('2026-01-01T00:00:00Z');
  now(): number {
    return this.time;
  }
  sleep(): Promise<void> {
    return Promise.reject(new Error('the emulator waits for nothing by this clock'));
  }
}
