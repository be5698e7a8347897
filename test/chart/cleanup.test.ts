import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parseCleanupOptions } from '../../src/commands/cleanup-options.ts';
import { pullSecretNames } from '../../src/secrets/pull-secret.ts';
import { containerOf, jobOf, only, render, renderCleanup, type Rendered } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

const names = (objects: readonly Rendered[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

describe('what the chart runs after `helm uninstall`', () => {
  let objects: Rendered[];
  beforeAll(async () => {
    objects = await renderCleanup();
  }, 60_000);

  it('is a Job with rights of its own, as those of the service are gone by then', () => {
    const kinds = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding', 'Job'];
    expect(names(objects).sort()).toEqual(kinds.map((kind) => `${kind} acr-credential-injector-cleanup`).sort());
    for (const { metadata, roleRef, subjects } of objects.filter(({ kind }) => kind.endsWith('Binding'))) {
      expect(roleRef).toMatchObject({ kind: metadata.namespace ? 'Role' : 'ClusterRole', name: metadata.name });
      expect(subjects).toEqual([{ kind: 'ServiceAccount', name: metadata.name, namespace: 'acr' }]);
    }
    expect(jobOf(objects).template.spec.serviceAccountName).toBe(only(objects, 'ServiceAccount').metadata.name);
  });

  it('comes after the release is deleted, whose end it cannot hold up, and goes however it ends', () => {
    for (const { metadata } of objects) {
      expect(metadata.annotations).toMatchObject({
        'helm.sh/hook': 'post-delete',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded,hook-failed',
      });
    }
  });

  it('begins with rights, and gives them to somebody, before the Job needs them', () => {
    const weights = objects.map(({ kind, metadata }) => [kind, Number(metadata.annotations?.['helm.sh/hook-weight'])]);
    expect(Object.fromEntries(weights)).toEqual({
      ServiceAccount: -2,
      ClusterRole: -2,
      Role: -2,
      ClusterRoleBinding: -1,
      RoleBinding: -1,
      Job: 0,
    });
  });

  it('starts the command with flags that it understands, and leaves it time to pull the image', () => {
    const { backoffLimit, activeDeadlineSeconds, template } = jobOf(objects);
    const [command, ...args] = template.spec.containers[0].args;
    expect(command).toBe('cleanup');
    const options = parseCleanupOptions(args, { POD_NAMESPACE: 'acr' });
    expect(options).toMatchObject({ namespace: 'acr', secretNames: ['acr-credential-secret-aggregation'] });
    expect(activeDeadlineSeconds * 1_000).toBeGreaterThan(options.timeoutMs);
    // What Helm waits for unless told otherwise.
    expect(activeDeadlineSeconds).toBeLessThan(300);
    expect(backoffLimit).toBe(3);
    expect(template.spec.containers[0].env.map(({ name }) => name)).toContain('POD_NAMESPACE');
  });

  it('fulfils the Pod Security Standard "restricted", with the image, the place and the limits of the service', async () => {
    const values = {
      image: { repository: 'registry.example/acr', tag: '1.2.3' },
      imagePullSecrets: [{ name: 'own-image' }],
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ operator: 'Exists' }],
      resources: { limits: { cpu: 1, memory: '1Gi' } },
    };
    const service = only(await render({ values }), 'Deployment').spec as { template: { spec: object } };
    const [deployed, job] = [containerOf(await render({ values })), jobOf(await renderCleanup({ values }))];
    const [container] = job.template.spec.containers;
    const { image, resources, securityContext, env } = deployed;
    expect(container).toMatchObject({ image, resources, securityContext, env });
    const { imagePullSecrets, nodeSelector, tolerations } = values;
    const { securityContext: podSecurity } = (service.template as { spec: { securityContext: object } }).spec;
    expect(job.template.spec).toMatchObject({
      imagePullSecrets,
      nodeSelector,
      tolerations,
      securityContext: podSecurity,
    });
    expect(job.template.spec).not.toHaveProperty('hostNetwork');
  });

  it('runs in a Pod that gets no request meant for the service, and that the webhook would never hold up', async () => {
    const { labels } = jobOf(objects).template.metadata;
    const { selector } = only(await render(), 'Service').spec as { selector: Record<string, string> };
    expect(labels).not.toMatchObject(selector);
    expect(labels).toMatchObject({ 'app.kubernetes.io/name': 'acr-credential-injector' });
  });

  it('is granted these rights and no others', () => {
    expect(only(objects, 'ClusterRole').rules).toEqual([
      { apiGroups: [''], resources: ['namespaces'], verbs: ['list'] },
      { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get', 'list', 'patch'] },
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: pullSecretNames('acr-credential-secret-aggregation'),
        verbs: ['list', 'delete'],
      },
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations'],
        resourceNames: ['zz-acr-credential-injector'],
        verbs: ['get', 'delete'],
      },
    ]);
    expect(only(objects, 'Role').metadata.namespace).toBe('acr');
    expect(only(objects, 'Role').rules).toEqual([
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['acr-credential-injector-tokens', 'acr-credential-injector-ca'],
        verbs: ['get', 'delete'],
      },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['acr-credential-injector'],
        verbs: ['get', 'create', 'patch', 'delete'],
      },
      { apiGroups: [''], resources: ['namespaces'], resourceNames: ['acr'], verbs: ['get'] },
    ]);
  });

  it('follows the names that the values give, and stays short enough for a label', async () => {
    const values = { secretName: 'pull', fullnameOverride: 'x'.repeat(63) };
    const renamed = await renderCleanup({ values });
    expect(jobOf(renamed).template.spec.containers[0].args).toContain('--secret-name=pull');
    expect(only(renamed, 'ClusterRole').rules?.flatMap(({ resourceNames = [] }) => resourceNames)).toEqual([
      ...pullSecretNames('pull'),
      'zz-acr-credential-injector',
    ]);
    expect(Math.max(...renamed.map(({ metadata }) => metadata.name.length))).toBe(63);
  });

  it('can be switched off', async () => {
    expect(await renderCleanup({ values: { cleanup: { enabled: false } } })).toEqual([]);
  });
});
