import { describe, expect, it, vi } from 'vitest';
import { parseServeOptions } from '../../src/options.ts';
import { containerOf, deploymentOf, render } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

describe("the chart's Deployment", () => {
  it('gives an AccessKey pair from a Secret of another name to the environment', async () => {
    const { env } = containerOf(await render({ values: { accessKey: { existingSecret: 'my-key' } } }));
    const fromSecrets = env.filter(({ valueFrom }) => valueFrom?.secretKeyRef);
    expect(fromSecrets.map(({ name, valueFrom }) => [name, valueFrom?.secretKeyRef])).toEqual([
      ['ALIBABA_CLOUD_ACCESS_KEY_ID', { name: 'my-key', key: 'access-key-id' }],
      ['ALIBABA_CLOUD_ACCESS_KEY_SECRET', { name: 'my-key', key: 'access-key-secret' }],
    ]);
  });

  it('leaves alibaba-addon-secret to the API, where an edit counts at once', async () => {
    const { env } = containerOf(await render({ values: { accessKey: { existingSecret: 'alibaba-addon-secret' } } }));
    expect(env.filter(({ valueFrom }) => valueFrom?.secretKeyRef)).toEqual([]);
  });

  it.each([
    ['512Mi', 307],
    ['1Gi', 614],
    ['0.5Gi', 307],
    ['400M', 228],
    ['524288k', 300],
    [268_435_456, 153],
  ])('ties the heap to a memory limit of %s', async (memory, heapMib) => {
    const { env } = containerOf(await render({ values: { resources: { limits: { memory } } } }));
    expect(env).toContainEqual({ name: 'NODE_OPTIONS', value: `--max-old-space-size=${heapMib}` });
  });

  it('leaves the heap to Node where there is no memory limit', async () => {
    const { env } = containerOf(await render({ values: { resources: { limits: null } } }));
    expect(env.map(({ name }) => name)).toEqual(['POD_NAMESPACE']);
  });

  it('writes quantities as texts, without which Helm 4 cannot install on Kubernetes 1.20', async () => {
    const values = { resources: { requests: { cpu: 1 }, limits: { cpu: 1.5, memory: null } } };
    expect(containerOf(await render({ values })).resources).toEqual({
      requests: { cpu: '1', memory: '192Mi' },
      limits: { cpu: '1.5' },
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
