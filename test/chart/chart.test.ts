import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/parse-config.ts';
import { parseServeOptions } from '../../src/commands/serve-options.ts';
import { helm } from '../e2e/kubectl-tools.ts';
import {
  CHART,
  containerOf,
  deploymentOf,
  only,
  render,
  renderTests,
  template,
  type Rendered,
} from './render-chart.ts';
import { valueSets } from './value-sets.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

/** What nobody should write, and somebody will. */
const oddValueSets: Record<string, object> = {
  'names that YAML could take for something else': {
    fullnameOverride: 'true',
    configMap: { namespace: '456', name: '789' },
    accessKey: { existingSecret: '123' },
    referencedSecrets: ['1e3', 'null'],
    imagePullSecrets: [{ name: '0x10' }],
    image: { repository: '12', tag: '1.10' },
    secretName: '123',
    priorityClassName: '1.0',
    extraArgs: ['--ca-lifetime=1h', '--drain', '0'],
    extraEnv: [{ name: 'no', value: '1' }],
    podAnnotations: { a: 'true' },
    podLabels: { b: '12', 'app.kubernetes.io/name': 'other' },
    serviceAccount: { labels: { c: 'null', 'app.kubernetes.io/name': 'other' }, annotations: { d: '1' } },
    nodeSelector: { c: 'null' },
    tls: { existingSecret: '1e3' },
  },
  'an issuer whose name YAML could take for a number': { certManager: { enabled: true, issuerRef: { name: '12' } } },
  'a name as long as can be': { fullnameOverride: 'x'.repeat(63), certManager: { enabled: true } },
  'lists and mappings that are null': {
    ...{ extraArgs: null, extraEnv: null, imagePullSecrets: null, referencedSecrets: null, tolerations: null },
    ...{ nodeSelector: null, affinity: null, podAnnotations: null, podLabels: null },
    ...{ serviceAccount: { labels: null, annotations: null }, tls: { existingSecret: null } },
    ...{ resources: { limits: null, requests: null }, priorityClassName: null, global: { any: 'thing' } },
    ...{ certManager: { issuerRef: null } },
  },
};
const kubeVersions = ['1.20.0', '1.36.0'];
const cases = Object.entries({ ...valueSets, ...oddValueSets }).flatMap(([name, values]) =>
  kubeVersions.map((kubeVersion) => ({ name, values, kubeVersion })),
);

describe('the chart', () => {
  it("has the service's version", async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    const chart = load(await readFile(join(CHART, 'Chart.yaml'), 'utf8'));
    expect(chart).toMatchObject({ version, appVersion: version });
  });

  it('refuses a Kubernetes that is too old', async () => {
    expect((await template({ kubeVersion: '1.19.16' })).stderr).toContain('kubeVersion');
  });

  describe.each(cases)('with $name on Kubernetes $kubeVersion', ({ values, kubeVersion }) => {
    let objects: Rendered[];
    beforeAll(async () => {
      objects = await render({ values, kubeVersion });
    }, 60_000);

    it('passes helm lint --strict', async () => {
      const args = ['lint', '--strict', CHART, '--kube-version', kubeVersion, '--values', '-'];
      const { stdout, code } = await helm(args, { kubeconfig: '', input: JSON.stringify(values) });
      expect({ stdout, code }).toEqual({ stdout: expect.stringContaining('0 chart(s) failed') as string, code: 0 });
    });

    it('renders the same bytes every time', async () => {
      const [first, second] = await Promise.all([template({ values, kubeVersion }), template({ values, kubeVersion })]);
      expect(second).toEqual(first);
    });

    it('has a text wherever Kubernetes takes a text', () => {
      expect(objects.flatMap((object) => notTexts(object, object.kind))).toEqual([]);
    });

    it('renders objects that fit together', () => {
      const keys = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
      expect(new Set(keys).size).toBe(keys.length);

      const { name } = only(objects, 'ServiceAccount').metadata;
      const { selector, template: pod } = deploymentOf(objects);
      expect(pod.metadata.labels).toMatchObject(selector.matchLabels);
      expect(only(objects, 'Service').spec).toMatchObject({ selector: selector.matchLabels });
      expect(pod.spec.serviceAccountName).toBe(name);
      for (const { metadata, roleRef, subjects } of objects.filter(({ kind }) => kind.endsWith('Binding'))) {
        expect(keys).toContain(`${String(roleRef?.kind)} ${metadata.namespace ?? ''}/${String(roleRef?.name)}`);
        expect(subjects).toEqual([{ kind: 'ServiceAccount', name, namespace: 'acr' }]);
      }
    });

    it('starts the service with flags that it understands and that fit the objects', () => {
      const { args, ports } = containerOf(objects);
      expect(args[0]).toBe('serve');
      const options = parseServeOptions(args.slice(1), {});
      expect(options.service).toBe(only(objects, 'Service').metadata.name);
      const clusterRole = objects.find(({ kind }) => kind === 'ClusterRole');
      expect(options.ownerClusterRole).toBe(clusterRole?.metadata.name);
      expect(ports.map(({ containerPort }) => containerPort)).toEqual([
        options.listen.port,
        options.metricsListen.port,
      ]);
      expect(deploymentOf(objects).template.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(options.drainMs);
    });

    it('fulfils the Pod Security Standard "restricted" but for the host network', () => {
      const { spec } = deploymentOf(objects).template;
      expect(spec.securityContext).toEqual({
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(spec.containers).toHaveLength(1);
      expect(spec.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const kinds = spec.volumes.flatMap((volume) => Object.keys(volume).filter((key) => key !== 'name'));
      expect(new Set(kinds)).toEqual(new Set(['projected', 'secret']));
      expect(spec.hostNetwork ?? false).toBe('hostNetwork' in values && values.hostNetwork === true);
    });

    it('names the protocol of every port, without which Helm 4 cannot install on Kubernetes 1.20', () => {
      const { ports } = only(objects, 'Service').spec as { ports: { port: number; protocol: string }[] };
      expect(ports.map(({ port, protocol }) => `${port}/${protocol}`)).toEqual(['443/TCP', '8080/TCP']);
      expect(containerOf(objects).ports.map(({ protocol }) => protocol)).toEqual(['TCP', 'TCP']);
    });
  });

  it('names everything acr-credential-injector by default', async () => {
    const objects = await render();
    const own = objects.filter(({ kind }) => kind !== 'ConfigMap');
    expect(own.map(({ kind }) => kind).sort()).toEqual(
      'ClusterRole ClusterRoleBinding Deployment NetworkPolicy PodDisruptionBudget Role Role RoleBinding RoleBinding Service ServiceAccount'.split(
        ' ',
      ),
    );
    expect(own.filter(({ metadata }) => metadata.name !== 'acr-credential-injector')).toEqual([]);
  });

  it('writes a configuration by default that switches the webhook on with Ignore', async () => {
    const { metadata, data = {} } = only(await render(), 'ConfigMap');
    expect(metadata).toMatchObject({ namespace: 'kube-system', name: 'acr-configuration' });
    const parsed = parseConfig(data);
    expect(parsed).toMatchObject({ ok: true, warnings: [] });
    expect(parsed).toHaveProperty('config.webhook', { enabled: true, failurePolicy: 'Ignore', timeoutSeconds: 10 });
  });

  it('keeps what the user adds to the configuration beside its defaults', async () => {
    const values = { configuration: { 'acr-registry-info': '- instanceId: cri-demo\n' } };
    const { data = {} } = only(await render({ values }), 'ConfigMap');
    expect(Object.keys(data).sort()).toEqual(['acr-registry-info', 'webhook-configuration']);
    expect(parseConfig(data)).toMatchObject({ ok: true, config: { registries: [{ instanceId: 'cri-demo' }] } });
  });

  it("renders no ConfigMap where it is somebody else's", async () => {
    const objects = await render({ values: { configMap: { create: false } } });
    expect(objects.filter(({ kind }) => kind === 'ConfigMap')).toEqual([]);
  });

  it('keeps several replicas apart and lets them be evicted one at a time', async () => {
    const objects = await render({ values: { replicaCount: 2 } });
    const spread = deploymentOf(objects).template.spec.topologySpreadConstraints ?? [];
    expect(spread.map(({ topologyKey }) => topologyKey)).toEqual([
      'topology.kubernetes.io/zone',
      'kubernetes.io/hostname',
    ]);
    expect(only(objects, 'PodDisruptionBudget').spec).toMatchObject({ maxUnavailable: 1 });
  });

  it.each([
    ['1.20.15', 'policy/v1beta1', {}],
    ['1.21.0', 'policy/v1', {}],
    ['1.27.0', 'policy/v1', { unhealthyPodEvictionPolicy: 'AlwaysAllow' }],
    // As Alibaba Cloud numbers its own.
    ['v1.20.4-aliyun.1', 'policy/v1beta1', {}],
    ['v1.34.1-aliyun.1', 'policy/v1', { unhealthyPodEvictionPolicy: 'AlwaysAllow' }],
  ])('renders a PodDisruptionBudget that Kubernetes %s has', async (kubeVersion, apiVersion, more) => {
    const budget = only(await render({ values: { replicaCount: 2 }, kubeVersion }), 'PodDisruptionBudget');
    const { selector, ...rest } = budget.spec as { selector: object };
    expect(selector).toBeDefined();
    expect([budget.apiVersion, rest]).toEqual([apiVersion, { maxUnavailable: 1, ...more }]);
  });

  it('opens the webhook to everybody, the status to the cluster, and closes nothing on the way out', async () => {
    expect(only(await render(), 'NetworkPolicy').spec).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { ports: [{ port: 8443, protocol: 'TCP' }] },
        { from: [{ namespaceSelector: {} }], ports: [{ port: 8080, protocol: 'TCP' }] },
      ],
      egress: [{}],
    });
  });

  it('keeps the service from changing its own ServiceAccount, which the release owns', async () => {
    const { labels } = only(await render(), 'ServiceAccount').metadata;
    expect(labels).toMatchObject({ 'acr-credential-injector/inject': 'false' });
  });

  it('tests itself with a Pod of its own image that gets no request meant for the service', async () => {
    const options = { values: { fullnameOverride: 'pulls-for-all' } };
    const [objects, pods] = await Promise.all([render(options), renderTests(options)]);
    const { labels, ...metadata } = only(pods, 'Pod').metadata;
    const service = only(objects, 'Service');
    expect(metadata).toMatchObject({ name: 'pulls-for-all-test', namespace: 'acr' });
    expect(service.metadata.name).toBe('pulls-for-all');
    expect(labels).not.toMatchObject((service.spec as { selector: Record<string, string> }).selector);
    // By this label the webhook knows Pods that it must never hold up.
    expect(labels).toMatchObject({ 'app.kubernetes.io/name': 'acr-credential-injector' });
    const { image, resources, securityContext } = containerOf(objects);
    // What kubelet tells of a Service of this name.
    const [host, port] = [{ name: 'SERVICE_HOST', value: '$(PULLS_FOR_ALL_SERVICE_HOST)' }, { name: 'SERVICE_PORT' }];
    const container = { image, resources, securityContext, env: [host, { ...port, value: '8080' }, {}] };
    const { securityContext: podSecurity } = deploymentOf(objects).template.spec;
    expect(only(pods, 'Pod').spec).toMatchObject({ containers: [container], securityContext: podSecurity });
  });
});

/** Fields that hold texts and nothing else, however deep. */
const textFields = new Set([
  ...['name', 'namespace', 'labels', 'annotations', 'data', 'resourceNames', 'args', 'command', 'value', 'image'],
  ...[
    'matchLabels',
    'nodeSelector',
    'serviceAccountName',
    'priorityClassName',
    'imagePullPolicy',
    'secretName',
    'kind',
  ],
]);

/** Where a number, a boolean or null stands in the place of a text. */
function notTexts(value: unknown, path: string, isText = false): string[] {
  if (typeof value !== 'object' || value === null) return isText && typeof value !== 'string' ? [path] : [];
  return Object.entries(value).flatMap(([name, field]) => {
    const inner = isText || (!Array.isArray(value) && textFields.has(name));
    return notTexts(field, `${path}.${name}`, inner);
  });
}
