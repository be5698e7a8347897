import type { Clock } from './clock.ts';
import { accessKeySecretName } from './identity/access-key-provider.ts';
import type { KubeClient } from './kube/kube-client.ts';
import type { KubeObject, Namespace, Secret, ServiceAccount } from './kube/objects.ts';
import { Reflector, type Reduced } from './kube/reflector.ts';
import { resources, type Resource } from './kube/resources.ts';
import { observeSecret } from './secrets/secret-drift.ts';
import { observeServiceAccount } from './targets/service-account-drift.ts';
import { observeNamespace } from './targets/target-selector.ts';

export type ObservedCluster = ReturnType<typeof observeCluster>;

/** The copies in memory of what the API server holds. */
export function observeCluster(options: {
  client: Pick<KubeClient, 'list' | 'watch'>;
  clock: Clock;
  secretName: string;
  ownNamespace: string;
  onWatchRestart: (resource: string, error: unknown) => void;
}) {
  const { client, clock, secretName, ownNamespace, onWatchRestart } = options;
  const reflect = <T extends KubeObject, R extends Reduced>(
    resource: Resource,
    reduce: (object: T) => R,
    scope: { namespace?: string; fieldSelector?: string } = {},
  ) => {
    const onRestart = (error: unknown) => onWatchRestart(resource.plural, error);
    return new Reflector<T, R>({ client, clock, resource, reduce, onRestart, ...scope });
  };
  const secretByName = (name: string) => ({ fieldSelector: `metadata.name=${name}` });
  const accessKeySecrets = new Map(
    [...new Set([ownNamespace, 'kube-system'])].map((namespace) => [
      namespace,
      reflect(
        resources.secrets,
        (secret: Secret) => ({ resourceVersion: secret.metadata.resourceVersion ?? '', secret }),
        { namespace, ...secretByName(accessKeySecretName) },
      ),
    ]),
  );
  return {
    namespaces: reflect(resources.namespaces, (namespace: Namespace) => observeNamespace(namespace)),
    serviceAccounts: reflect(resources.serviceAccounts, (account: ServiceAccount) =>
      observeServiceAccount(account, secretName),
    ),
    pullSecrets: reflect(resources.secrets, (secret: Secret) => observeSecret(secret), secretByName(secretName)),
    accessKeySecrets,
  };
}
