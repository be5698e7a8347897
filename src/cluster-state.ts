import type { Clock } from './clock.ts';
import { accessKeySecretRefs } from './identity/access-key-provider.ts';
import type { KubeClient } from './kube/kube-client.ts';
import type { KubeObject, Namespace, Secret, ServiceAccount } from './kube/objects.ts';
import { Reflector, type Reduced } from './kube/reflector.ts';
import { resources, type Resource } from './kube/resources.ts';
import { ObservedPullSecrets } from './secrets/observed-pull-secrets.ts';
import { pullSecretNames } from './secrets/pull-secret.ts';
import { ReferencedSecrets } from './secrets/referenced-secrets.ts';
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
  /** `--access-key-secret`. */
  accessKeySecret?: string | undefined;
  onWatchRestart: (resource: string, error: unknown) => void;
}) {
  const { client, clock, secretName, ownNamespace, accessKeySecret, onWatchRestart } = options;
  const reflect = <T extends KubeObject, R extends Reduced>(
    resource: Resource,
    reduce: (object: T) => R,
    { onFailure, ...scope }: { namespace?: string; fieldSelector?: string; onFailure?: (error: unknown) => void } = {},
  ) => {
    const onRestart = (error: unknown) => {
      onWatchRestart(resource.plural, error);
      onFailure?.(error);
    };
    return new Reflector<T, R>({ client, clock, resource, reduce, onRestart, ...scope });
  };
  const secretNames = pullSecretNames(secretName);
  const secretByName = (name: string) => ({ fieldSelector: `metadata.name=${name}` });
  const accessKeySecrets = new Map(
    accessKeySecretRefs(ownNamespace, accessKeySecret).map(({ namespace, name }) => [
      `${namespace}/${name}`,
      reflect(
        resources.secrets,
        (secret: Secret) => ({ resourceVersion: secret.metadata.resourceVersion ?? '', secret }),
        { namespace, ...secretByName(name) },
      ),
    ]),
  );
  return {
    namespaces: reflect(resources.namespaces, (namespace: Namespace) => observeNamespace(namespace)),
    serviceAccounts: reflect(resources.serviceAccounts, (account: ServiceAccount) =>
      observeServiceAccount(account, secretNames),
    ),
    pullSecrets: new ObservedPullSecrets(secretNames, (name, onFailure) =>
      reflect(resources.secrets, (secret: Secret) => observeSecret(secret), { ...secretByName(name), onFailure }),
    ),
    /** By `namespace/name`, in the order in which they count. */
    accessKeySecrets,
    /** Of the own namespace, by the names that the configuration says. */
    referencedSecrets: new ReferencedSecrets({
      client,
      clock,
      namespace: ownNamespace,
      onWatchRestart: (error) => onWatchRestart(resources.secrets.plural, error),
    }),
  };
}
