import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { LoggedRequest } from '../sandbox/api-server/request-log.ts';
import { requestsOfABusyLife } from './busy-life.ts';
import { idleOf, refusedOf, rightsOf, type Right } from './granted-rights.ts';
import { pullSecretNames } from '../../src/secrets/pull-secret.ts';
import { containerOf, flagsOf, render, type PolicyRule, type Rendered } from './render-chart.ts';

vi.setConfig({ testTimeout: 60_000 }); // the first use of helm unpacks it

const named = (resource: string, resourceNames: string[], verbs: string[]): PolicyRule => ({
  apiGroups: [''],
  resources: [resource],
  resourceNames,
  verbs,
});
const ownSecrets = named(
  'secrets',
  ['acr-credential-injector-tokens', 'acr-credential-injector-ca'],
  ['get', 'list', 'watch', 'create', 'patch'],
);
const lease: PolicyRule = {
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  resourceNames: ['acr-credential-injector'],
  verbs: ['list', 'watch', 'create', 'patch'],
};
const selfTest = named('serviceaccounts', ['acr-credential-injector-self-test'], ['create']);
const accessKey = named('secrets', ['alibaba-addon-secret'], ['list', 'watch']);
const officialComponent: PolicyRule = {
  apiGroups: ['apps'],
  resources: ['deployments'],
  resourceNames: ['aliyun-acr-credential-helper'],
  verbs: ['get'],
};
const configuration = named('configmaps', ['acr-configuration'], ['list', 'watch']);

describe('the rights that the chart grants', () => {
  it('in every namespace, are these and no others', async () => {
    expect(rulesOf(await render(), 'ClusterRole')).toEqual({
      '': [
        { apiGroups: [''], resources: ['namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get', 'list', 'watch', 'patch'] },
        named('secrets', pullSecretNames('acr-credential-secret-aggregation'), [
          'list',
          'watch',
          'create',
          'patch',
          'delete',
        ]),
        { apiGroups: [''], resources: ['events'], verbs: ['create'] },
        {
          apiGroups: ['admissionregistration.k8s.io'],
          resources: ['mutatingwebhookconfigurations'],
          resourceNames: ['zz-acr-credential-injector'],
          verbs: ['list', 'watch', 'create', 'patch', 'delete'],
        },
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          resources: ['clusterroles'],
          resourceNames: ['acr-credential-injector'],
          verbs: ['get'],
        },
        { nonResourceURLs: ['/version'], verbs: ['get'] },
      ],
    });
  });

  it('in single namespaces, follow where the service and its ConfigMap are', async () => {
    expect(rulesOf(await render(), 'Role')).toEqual({
      acr: [ownSecrets, lease, selfTest, accessKey],
      'kube-system': [accessKey, officialComponent, configuration],
    });
    expect(rulesOf(await render({ namespace: 'kube-system' }), 'Role')).toEqual({
      'kube-system': [ownSecrets, lease, selfTest, accessKey, officialComponent, configuration],
    });
    const values = { configMap: { create: false, namespace: 'platform' } };
    expect(rulesOf(await render({ values }), 'Role')).toEqual({
      acr: [ownSecrets, lease, selfTest, accessKey],
      'kube-system': [accessKey, officialComponent],
      platform: [configuration],
    });
  });

  it('follow the names that the values give', async () => {
    const values = { secretName: 'pull', fullnameOverride: 'pulls' };
    const [rules = []] = Object.values(rulesOf(await render({ values }), 'ClusterRole'));
    const names = rules.flatMap(({ resourceNames = [] }) => resourceNames);
    expect(names).toEqual([...pullSecretNames('pull'), 'zz-acr-credential-injector', 'pulls']);
  });

  it('let the service read the AccessKey of the Secret that was named, and no other', async () => {
    const roles = rulesOf(await render({ values: { accessKey: { existingSecret: 'my-key' } } }), 'Role');
    expect(roles).toEqual({
      acr: [ownSecrets, lease, selfTest, named('secrets', ['my-key'], ['list', 'watch'])],
      'kube-system': [officialComponent, configuration],
    });
  });

  it('let the service read the Secrets that the configuration refers to, in its own namespace alone', async () => {
    const values = { referencedSecrets: ['docker-hub', 'other-account'] };
    const roles = rulesOf(await render({ values }), 'Role');
    expect(roles.acr).toContainEqual(named('secrets', ['docker-hub', 'other-account'], ['list', 'watch']));
    expect(JSON.stringify(roles['kube-system'])).not.toContain('docker-hub');
  });
});

describe('the service with the flags of the chart, through all that it does', () => {
  let requests: LoggedRequest[];
  let rights: Right[];

  beforeAll(async () => {
    const objects = await render();
    rights = rightsOf(objects);
    requests = await requestsOfABusyLife(serveFlagsOf(objects));
  }, 120_000);

  it('asks for nothing that the chart does not grant', () => {
    expect(refusedOf(requests, rights)).toEqual([]);
  });

  it('makes use of every right, but for that to look at a ClusterRole, which the sandbox does not know', () => {
    expect(idleOf(requests, rights)).toEqual(['get clusterroles']);
  });
});

function rulesOf(objects: readonly Rendered[], kind: string): Record<string, PolicyRule[] | undefined> {
  const roles = objects.filter((object) => object.kind === kind);
  return Object.fromEntries(roles.map(({ metadata, rules }) => [metadata.namespace ?? '', rules]));
}

/** The flags of the rendered Deployment, but for the ports, which are the test's own. */
function serveFlagsOf(objects: readonly Rendered[]): Record<string, string> {
  const { listen, 'metrics-listen': metricsListen, ...flags } = flagsOf(containerOf(objects).args);
  expect([listen, metricsListen]).toEqual(['[::]:8443', '[::]:8080']);
  return flags;
}
