import { describe, expect, it } from 'vitest';
import { describeCleanupFlags, parseCleanupOptions } from '../../src/commands/cleanup-options.ts';
import { OptionsError } from '../../src/commands/flag-reader.ts';

describe('the flags of `cleanup`', () => {
  it('have the defaults of `serve`, and five minutes', () => {
    expect(parseCleanupOptions([], {})).toEqual({
      kubeconfig: undefined,
      namespace: 'kube-system',
      secretNames: ['acr-credential-secret-aggregation'],
      timeoutMs: 300_000,
      logLevel: 'info',
    });
  });

  it('win over the environment, which wins over the defaults', () => {
    const environment = { POD_NAMESPACE: 'acr', ACR_INJECTOR_SECRET_NAME: 'pull', ACR_INJECTOR_TIMEOUT: '1m' };
    expect(parseCleanupOptions(['--timeout=90s', '--log-level', 'debug'], environment)).toMatchObject({
      namespace: 'acr',
      namespaces: undefined,
      secretNames: ['pull'],
      timeoutMs: 90_000,
      logLevel: 'debug',
    });
    expect(parseCleanupOptions(['--namespace', 'own'], environment).namespace).toBe('own');
    expect(parseCleanupOptions(['--namespaces=a,b'], environment).namespaces).toEqual(['a', 'b']);
    expect(parseCleanupOptions(['--secret-name=new,old'], environment).secretNames).toEqual(['new', 'old']);
  });

  it.each([
    ['a flag of `serve` alone', ['--drain=1s'], 'drain'],
    ['no time', ['--timeout=0s'], '--timeout'],
    ['what is no name', ['--secret-name=Pull'], '--secret-name'],
    ['what is no list of names', ['--secret-name=pull,'], '--secret-name'],
    ['a word without a flag', ['everything'], 'everything'],
  ])('refuse %s', (_, args, problem) => {
    expect(() => parseCleanupOptions(args, {})).toThrow(OptionsError);
    expect(() => parseCleanupOptions(args, {})).toThrow(problem);
  });

  it('say everything wrong at once', () => {
    expect(() => parseCleanupOptions(['--timeout=soon', '--log-level=loud'], {})).toThrow(/--timeout.*\n.*--log-level/);
  });

  it('are described one a line', () => {
    expect(describeCleanupFlags().split('\n')).toHaveLength(6);
    expect(describeCleanupFlags()).toMatch(/--timeout DURATION +for how long to try; default: 5m/);
  });
});
