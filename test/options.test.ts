import { describe, expect, it } from 'vitest';
import { describeServeFlags, OptionsError, parseServeOptions } from '../src/options.ts';

function problemsOf(args: string[], environment: Record<string, string> = {}): string[] {
  try {
    parseServeOptions(args, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(OptionsError);
    return (error as OptionsError).message.split('\n');
  }
  return [];
}

const defaults = {
  kubeconfig: undefined,
  namespace: 'kube-system',
  configMap: { namespace: 'kube-system', name: 'acr-configuration' },
  secretName: 'acr-credential-secret-aggregation',
  listen: { host: '::', port: 8443 },
  metricsListen: { host: '::', port: 8080 },
  service: 'acr-credential-injector',
  webhookUrl: undefined,
  ownerClusterRole: undefined,
  region: undefined,
  crEndpoint: undefined,
  metadataEndpoint: undefined,
  tlsDir: undefined,
  caLifetimeMs: 8760 * 3_600_000,
  certificateLifetimeMs: 720 * 3_600_000,
  drainMs: 10_000,
  logLevel: 'info',
};

describe('the options', () => {
  it('have the documented defaults', () => {
    expect(parseServeOptions([], {})).toEqual(defaults);
  });

  it('come from flags, written either way', () => {
    expect(parseServeOptions(['--secret-name', 'mine', '--config-map=a/b', '--drain=0s'], {})).toEqual({
      ...defaults,
      secretName: 'mine',
      configMap: { namespace: 'a', name: 'b' },
      drainMs: 0,
    });
  });

  it('come from the environment where no flag says otherwise', () => {
    const environment = { ACR_INJECTOR_SECRET_NAME: 'mine', ACR_INJECTOR_LOG_LEVEL: 'warn' };
    expect(parseServeOptions(['--log-level', 'debug'], environment)).toEqual({
      ...defaults,
      secretName: 'mine',
      logLevel: 'debug',
    });
  });

  it('take the own namespace from the Pod', () => {
    expect(parseServeOptions([], { POD_NAMESPACE: 'acr' }).namespace).toBe('acr');
    expect(parseServeOptions(['--namespace', 'flag'], { POD_NAMESPACE: 'acr' }).namespace).toBe('flag');
  });

  it('take what is empty for what is not given', () => {
    const names = Object.keys(defaults).map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
    const flags: [string, string][] = [...names, 'CA_LIFETIME', 'CERTIFICATE_LIFETIME', 'DRAIN'].map((name) => [
      `ACR_INJECTOR_${name}`,
      '',
    ]);
    expect(parseServeOptions([], { ...Object.fromEntries(flags), POD_NAMESPACE: '' })).toEqual(defaults);
    expect(parseServeOptions(['--config-map=', '--secret-name=', '--webhook-url='], {})).toEqual(defaults);
  });

  it('keep URLs', () => {
    const url = 'https://10.0.0.1:8443/mutate';
    const options = parseServeOptions(['--webhook-url', url, '--cr-endpoint', 'http://127.0.0.1:1'], {});
    expect(options.webhookUrl).toBe(url);
    expect(options.crEndpoint?.host).toBe('127.0.0.1:1');
  });
});

describe('what does not do', () => {
  it.each([
    ['--config-map', 'acr-configuration'],
    ['--config-map', 'a/b/c'],
    ['--config-map', 'A/b'],
    ['--namespace', 'Team A'],
    ['--secret-name', '-x'],
    ['--listen', '8443'],
    ['--metrics-listen', ':99999'],
    ['--webhook-url', 'http://plain.example.com/mutate'],
    ['--webhook-url', 'somewhere'],
    ['--cr-endpoint', 'cr.cn-hangzhou.aliyuncs.com'],
    ['--cr-endpoint', 'localhost:8080'],
    ['--metadata-endpoint', '//x'],
    ['--ca-lifetime', '0s'],
    ['--ca-lifetime', '-1h'],
    ['--certificate-lifetime', '30 days'],
    ['--drain', '-5s'],
    ['--drain', '10'],
    ['--log-level', 'loud'],
  ])('%s %s is said with what would', (flag, value) => {
    expect(problemsOf([`${flag}=${value}`])).toEqual([expect.stringMatching(`^${flag}: "${value}" is no `) as string]);
  });

  it('is said all at once, also of the environment', () => {
    expect(problemsOf(['--log-level', 'loud'], { ACR_INJECTOR_LISTEN: 'x', ACR_INJECTOR_DRAIN: 'y' })).toHaveLength(3);
  });

  it('is an unknown flag', () => {
    expect(problemsOf(['--lsiten', ':1'])[0]).toContain('--lsiten');
    expect(problemsOf(['stray'])).toHaveLength(1);
  });
});

it('the help names every flag with its default', () => {
  const help = describeServeFlags();
  expect(help).toMatch(/^ {2}--drain DURATION +how long SIGTERM still serves; default: 10s$/m);
  expect(help.split('\n')).toHaveLength(Object.keys(defaults).length);
});
