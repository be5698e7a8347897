import type { Clock } from './clock.ts';
import type { ObservedCluster } from './cluster-state.ts';
import type { Config } from './config/config.ts';
import type { KubeClient } from './kube/kube-client.ts';
import type { ServeOptions } from './options.ts';
import type { PullSecretWriter } from './secrets/pull-secret-writer.ts';
import { SecretReconciler } from './secrets/secret-reconciler.ts';
import { ServiceAccountReconciler } from './targets/service-account-reconciler.ts';
import { ServiceAccountWriter } from './targets/service-account-writer.ts';
import type { Reporter } from './telemetry/reporter.ts';
import type { WebhookReconciler } from './webhook/webhook-reconciler.ts';

/** Makes what keeps the pull Secrets, and the ServiceAccounts that refer to them, as they should be. */
export function createReconcilers(
  { options, client, clock }: { options: ServeOptions; client: KubeClient; clock: Clock },
  parts: {
    reporter: Reporter;
    /** The configuration in force; undefined while nothing is to be done. */
    rules: () => Config | undefined;
    observed: ObservedCluster;
    writer: PullSecretWriter;
    registration: WebhookReconciler;
  },
) {
  const { reporter, rules, observed, writer, registration } = parts;
  const { namespaces, serviceAccounts, pullSecrets } = observed;
  const { secretName } = options;
  const serviceAccountReconciler = new ServiceAccountReconciler({
    clock,
    rules,
    namespaces,
    serviceAccounts,
    writer: new ServiceAccountWriter({
      client,
      serviceAccounts,
      reachedByWebhook: (namespace) => registration.isReached(namespace),
      onPatched: (ref, reason) => reporter.serviceAccountPatched(ref, reason),
    }),
    references: (namespace) => writer.references(namespace),
    onFailure: (key, error, retryInMs) => reporter.failed('ServiceAccount', key, error, retryInMs),
  });
  const secretReconciler = new SecretReconciler({
    clock,
    client,
    rules,
    namespaces,
    secrets: pullSecrets,
    secretName,
    writer,
    detachNamespace: (namespace, names) => serviceAccountReconciler.detachNamespace(namespace, names),
    onForeign: (secret, reason) => reporter.pullSecretForeign(secret, reason),
    onDeleted: (namespace) => reporter.pullSecretWritten(namespace, 'Deleted'),
    onFailure: (namespace, error, retryInMs) => reporter.failed('pull Secret', namespace, error, retryInMs),
  });
  return { secretReconciler, serviceAccountReconciler };
}
