import { basename, dirname } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { managedTokenFile } from '../../src/identity/managed-role.ts';
import { rrsaTokenFile } from '../../src/identity/rrsa-role.ts';
import { parseServeOptions } from '../../src/commands/serve-options.ts';
import { containerOf, deploymentOf, render, template } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

describe("the chart's Deployment", () => {
  it('names the Secret with the AccessKey pair, which is read through the API, where an edit counts at once', async () => {
    const { args, env } = containerOf(await render({ values: { accessKey: { existingSecret: 'my-key' } } }));
    const options = { accessKeySecret: 'my-key', tokenMode: 'accessKey' };
    expect(parseServeOptions(args.slice(1), {})).toMatchObject(options);
    expect(JSON.stringify(env)).not.toContain('my-key');
  });

  it('leaves it to the service which credentials there are, unless somebody says so', async () => {
    const optionsWith = async (values: object) =>
      parseServeOptions(containerOf(await render({ values })).args.slice(1), {});
    expect(await optionsWith({})).toMatchObject({ accessKeySecret: undefined, tokenMode: 'auto' });
    expect(await optionsWith({ tokenMode: 'managedRole' })).toMatchObject({ tokenMode: 'managedRole' });
  });

  it('has the files of every identity where the service looks for them', async () => {
    const { spec } = deploymentOf(await render()).template;
    const mounts = new Map(spec.containers[0].volumeMounts.map(({ name, mountPath }) => [name, mountPath]));
    expect(mounts.get('rrsa-token')).toBe(dirname(rrsaTokenFile({})));
    expect(mounts.get('managed-role')).toBe(dirname(managedTokenFile));
    const serviceAccountToken = { audience: 'sts.aliyuncs.com', path: basename(rrsaTokenFile({})) };
    expect(spec.volumes).toMatchObject([
      { name: 'rrsa-token', projected: { sources: [{ serviceAccountToken }] } },
      { name: 'managed-role', secret: { optional: true, items: [{ path: basename(managedTokenFile) }] } },
    ]);
  });

  it.each([
    ['512Mi', 307],
    ['1Gi', 614],
    ['0.5Gi', 307],
    ['400M', 228],
    ['524288k', 300],
    ['524288Ki', 307],
    ['.5Gi', 307],
    ['0.001Ti', 629],
    ['1T', 572_204],
    ['500000000000m', 286],
    ['5e8', 286],
    ['0.5E9', 286],
    [268_435_456, 153],
    [5e8, 286],
  ])('ties the heap to a memory limit of %s', async (memory, heapMib) => {
    const { env } = containerOf(await render({ values: { resources: { limits: { memory } } } }));
    expect(env).toContainEqual({ name: 'NODE_OPTIONS', value: `--max-old-space-size=${heapMib}` });
  });

  it('refuses a memory limit that nothing starts with, as one is that was meant to be in MiB', async () => {
    const { code, stderr } = await template({ values: { resources: { limits: { memory: 512 } } } });
    expect(code).not.toBe(0);
    expect(stderr).toContain('resources.limits.memory: "512" is too little to start with');
  });

  it('leaves the heap to Node where there is no memory limit', async () => {
    const { env } = containerOf(await render({ values: { resources: { limits: null } } }));
    expect(env.map(({ name }) => name)).toEqual(['POD_NAMESPACE', 'POD_NAME']);
  });

  it('writes quantities as texts, without which Helm 4 cannot install on Kubernetes 1.20', async () => {
    const values = { resources: { requests: { cpu: 1 }, limits: { cpu: 1.5, memory: 1_073_741_824 } } };
    expect(containerOf(await render({ values })).resources).toEqual({
      requests: { cpu: '1', memory: '192Mi' },
      limits: { cpu: '1.5', memory: '1073741824' },
    });
  });

  it("lets the user's variable take the place of its own, as no name may come twice", async () => {
    const extraEnv = [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=64' }];
    const { env } = containerOf(await render({ values: { extraEnv } }));
    expect(env.filter(({ name }) => name === 'NODE_OPTIONS')).toEqual(extraEnv);
  });

  it("lets the user's flags win over its own", async () => {
    const { args } = containerOf(await render({ values: { extraArgs: ['--drain=3s'] } }));
    expect(parseServeOptions(args.slice(1), {}).drainMs).toBe(3_000);
  });

  it('asks liveness and readiness of the status port', async () => {
    const { livenessProbe, readinessProbe } = containerOf(await render());
    expect(livenessProbe.httpGet).toEqual({ path: '/livez', port: 'metrics' });
    expect(readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'metrics' });
  });

  it('never takes a Pod away before its successor serves', async () => {
    const { strategy } = deploymentOf(await render());
    expect(strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
  });
});
