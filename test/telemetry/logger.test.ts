import { beforeEach, describe, expect, it } from 'vitest';
import { CloudApiError, KubeApiError } from '../../src/errors.ts';
import { createLogger, type LogLevel } from '../../src/telemetry/logger.ts';

let lines: string[];

beforeEach(() => {
  lines = [];
});

const loggerAt = (level: LogLevel) => createLogger(level, { write: (line) => void lines.push(line) });
const logged = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a log line', () => {
  it('is JSON with the time, the level by name and the message', () => {
    loggerAt('info').info({ registry: 'cri-a' }, 'token renewed');
    expect(logged()).toEqual([
      { time: expect.stringMatching(/^\d{4}-.*Z$/) as string, level: 'info', registry: 'cri-a', msg: 'token renewed' },
    ]);
  });

  it('is written from the level on that was asked for', () => {
    const logger = loggerAt('warn');
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) logger[level]({}, level);
    expect(logged().map(({ msg }) => msg)).toEqual(['warn', 'error']);
  });

  it('says of an error its name, code and message, and nothing that it carries along', () => {
    const cause = new Error('Authorization: Bearer the-token');
    const error = new CloudApiError('throttled', { code: 'Throttling', retryable: true, cause });
    loggerAt('info').warn({ error }, 'token not renewed');
    loggerAt('info').warn({ error: new KubeApiError('no', { code: 'Forbidden', status: 403, retryable: false }) }, 'x');
    loggerAt('info').warn({ error: 'just a text' }, 'x');
    expect(logged().map(({ error: each }) => each)).toEqual([
      { name: 'CloudApiError', code: 'Throttling', message: 'throttled' },
      { name: 'KubeApiError', code: 'Forbidden', message: 'no' },
      { message: 'just a text' },
    ]);
    expect(lines.join('')).not.toContain('the-token');
  });

  it.each(['password', 'accessKeySecret', 'securityToken', 'authorization', 'auth', 'data'])(
    'never shows a field named %s',
    (name) => {
      const logger = loggerAt('trace');
      logger.info({ [name]: 'the-secret' }, 'x');
      logger.info({ credential: { [name]: 'the-secret' } }, 'x');
      expect(lines.join('')).not.toContain('the-secret');
      expect(lines.join('')).toContain('[redacted]');
    },
  );
});
