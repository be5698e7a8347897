import type { Config, RegistryEntry } from '../../src/config/config.ts';

export const registry: RegistryEntry = { key: 'cri-a', instanceId: 'cri-a', regionId: 'cn-hangzhou', domains: [] };

/** Everything of the cluster is a target; one registry. */
export function configWith(fields: Partial<Config> = {}): Config {
  return {
    registries: [registry],
    watchNamespaces: 'all',
    excludeNamespaces: [],
    serviceAccounts: 'all',
    expiringThresholdMs: 900_000,
    acrApiVersion: '2018-12-01',
    extraAuths: [],
    rrsaEnabled: false,
    webhook: { enabled: true, failurePolicy: 'Ignore', timeoutSeconds: 10 },
    ...fields,
  };
}
