import type { Clock } from '../clock.ts';
import { accessKeySecretRefs } from '../identity/access-key-provider.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { NamespacedReflectors } from '../kube/namespaced-reflectors.ts';
import type { KubeObject, Namespace, Secret, ServiceAccount } from '../kube/objects.ts';
import { Poller } from '../kube/poller.ts';
import { Reflector, type ObjectCache, type Reduced, type ReflectorOptions } from '../kube/reflector.ts';
import { resources, type Resource } from '../kube/resources.ts';
import { ObservedPullSecrets } from '../secrets/observed-pull-secrets.ts';
import { pullSecretNames } from '../secrets/pull-secret.ts';
import { ReferencedSecrets } from '../secrets/referenced-secrets.ts';
import { observeSecret } from '../secrets/secret-drift.ts';
import { observeServiceAccount } from '../targets/service-account-drift.ts';
import { observeNamespace } from '../targets/target-selector.ts';

export type ObservedCluster = ReturnType<typeof observeCluster>;

type Scope = Pick<ReflectorOptions<KubeObject, Reduced>, 'namespace' | 'fieldSelector' | 'isOptional'>;

/** The copies in memory of what the API server holds. */
export function observeCluster(options: {
  client: Pick<KubeClient, 'get' | 'list' | 'watch'>;
  clock: Clock;
  secretName: string;
  ownNamespace: string;
  /** `--namespaces`: the only ones that there are rights in, beside the own one. */
  namespaces?: readonly string[] | undefined;
  /** `--access-key-secret`. */
  accessKeySecret?: string | undefined;
  onWatchRestart: (resource: string, error: unknown) => void;
  /** One of `namespaces` is not there, or nothing may be read in it. */
  onNamespaceMissing?: (namespace: string) => void;
}) {
  const { client, clock, secretName, ownNamespace, accessKeySecret, onWatchRestart } = options;
  const { namespaces: listed, onNamespaceMissing = () => undefined } = options;
  const reflect = <T extends KubeObject, R extends Reduced>(
    resource: Resource,
    reduce: (object: T) => R,
    scope: Scope = {},
  ) => {
    const onRestart = (error: unknown) => onWatchRestart(resource.plural, error);
    return new Reflector<T, R>({ client, clock, resource, reduce, onRestart, ...scope });
  };
  const polled =
    listed &&
    new Poller({
      client,
      clock,
      resource: resources.namespaces,
      names: listed,
      reduce: (namespace: Namespace) => observeNamespace(namespace),
      onMissing: onNamespaceMissing,
      onFailure: (error) => onWatchRestart(resources.namespaces.plural, error),
    });
  /** In all namespaces, or in those that are listed. */
  const reflectEach = <T extends KubeObject, R extends Reduced>(
    resource: Resource,
    reduce: (object: T) => R,
    scope: Scope = {},
  ): ObjectCache<T, R> =>
    polled
      ? new NamespacedReflectors<T, R>({
          clock,
          namespaces: polled,
          names: listed,
          reflect: (namespace) => reflect(resource, reduce, { ...scope, namespace, isOptional: true }),
        })
      : reflect(resource, reduce, scope);
  const secretNames = pullSecretNames(secretName);
  const secretByName = (name: string) => ({ fieldSelector: `metadata.name=${name}` });
  const accessKeySecrets = new Map(
    accessKeySecretRefs(ownNamespace, accessKeySecret)
      .filter(({ namespace }) => !listed || namespace === ownNamespace)
      .map(({ namespace, name }) => [
        `${namespace}/${name}`,
        reflect(
          resources.secrets,
          (secret: Secret) => ({ resourceVersion: secret.metadata.resourceVersion ?? '', secret }),
          { namespace, ...secretByName(name) },
        ),
      ]),
  );
  return {
    namespaces: polled ?? reflect(resources.namespaces, (namespace: Namespace) => observeNamespace(namespace)),
    /** Of `namespaces`, those that are not there, or in which nothing may be read. */
    missingNamespaces: () => polled?.missing ?? [],
    serviceAccounts: reflectEach(resources.serviceAccounts, (account: ServiceAccount) =>
      observeServiceAccount(account, secretNames),
    ),
    pullSecrets: new ObservedPullSecrets(secretNames, (name, isOptional) =>
      reflectEach(resources.secrets, (secret: Secret) => observeSecret(secret), { ...secretByName(name), isOptional }),
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
