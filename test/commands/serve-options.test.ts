import { expect, test } from 'vitest';
import { OptionsError } from '../../src/commands/flag-reader.ts';
import { parseServeOptions } from '../../src/commands/serve-options.ts';

test('an empty flag, and an empty variable, are as good as none', () => {
  const empty = {
    ACR_INJECTOR_REGION: '',
    ACR_INJECTOR_SECRET_NAME: '',
    ACR_INJECTOR_KUBECONFIG: '',
    POD_NAMESPACE: '',
  };
  expect(parseServeOptions([], empty)).toEqual(parseServeOptions([], {}));
  expect(parseServeOptions(['--service=', '--tls-dir=', '--namespace='], {})).toEqual(parseServeOptions([], {}));
});

test('an empty flag leaves the word to its variable', () => {
  expect(parseServeOptions(['--region='], { ACR_INJECTOR_REGION: 'cn-hangzhou' }).region).toBe('cn-hangzhou');
});

test('namespaces are a comma list of names, each once; none are all', () => {
  expect(parseServeOptions(['--namespaces=b, a,b'], {}).namespaces).toEqual(['b', 'a']);
  expect(parseServeOptions(['--namespaces='], { ACR_INJECTOR_NAMESPACES: 'a' }).namespaces).toEqual(['a']);
  expect(parseServeOptions(['--namespaces='], {}).namespaces).toBeUndefined();
});

test.each([
  '--namespaces=a,,b',
  '--namespaces=a.b',
  '--namespaces=*',
  '--secret-name=a..b',
  '--access-key-secret=a.-b',
  '--config-map=a.b/c',
  '--config-map=a/b..c',
])('%s names no object that Kubernetes could have', (flag) => {
  expect(() => parseServeOptions([flag], {})).toThrow(OptionsError);
});

test('the login in an URL is not said', () => {
  const flag = '--webhook-url=http://user:hunter2hunter2@example.com';
  expect(() => parseServeOptions([flag], {})).toThrow(/^--webhook-url: `…@example.com` is no URL/);
});

test('names may have dots where Kubernetes lets them', () => {
  const options = parseServeOptions(['--secret-name=a.b-c.d', '--config-map=a-b/c.d'], {});
  expect(options).toMatchObject({ secretName: 'a.b-c.d', configMap: { namespace: 'a-b', name: 'c.d' } });
});

test('a drain may take no time, but not less', () => {
  expect(parseServeOptions(['--drain=0s'], {}).drainMs).toBe(0);
  expect(() => parseServeOptions(['--drain=-5s'], {})).toThrow(/^--drain: `-5s` is no DURATION/);
});
