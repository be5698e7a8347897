import type { Clock } from './clock.ts';
import type { ObservedCluster } from './cluster-state.ts';
import type { Config } from './config/config.ts';
import type { KubeClient } from './kube/kube-client.ts';
import type { LoopGuard } from './kube/loop-guard.ts';
import type { ServeOptions } from './options.ts';
import type { PullSecretWriter } from './secrets/pull-secret-writer.ts';
import { SecretReconciler } from './secrets/secret-reconciler.ts';
import { ServiceAccountReconciler } from './targets/service-account-reconciler.ts';
import { ServiceAccountWriter } from './targets/service-account-writer.ts';
import type { Reporter } from './telemetry/reporter.ts';
import { MissedInjections } from './webhook/missed-injections.ts';
import type { WebhookReconciler } from './webhook/webhook-reconciler.ts';

/** Makes what keeps the pull Secrets, and the ServiceAccounts that refer to them, as they should be. */
export function createReconcilers(
  { options, client, clock }: { options: ServeOptions; client: KubeClient; clock: Clock },
  parts: {
    reporter: Reporter;
    leads: () => boolean;
    /** The configuration in force; undefined while nothing is to be done. */
    rules: () => Config | undefined;
    observed: ObservedCluster;
    writer: PullSecretWriter;
    registration: WebhookReconciler;
    loopGuard: LoopGuard;
  },
) {
  const { reporter, leads, rules, observed, writer, registration, loopGuard } = parts;
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
    loopGuard,
    onFailure: (key, error, retryInMs) => reporter.failed('ServiceAccount', key, error, retryInMs),
  });
  const secretReconciler = new SecretReconciler({
    clock,
    client,
    rules: () => (leads() ? rules() : undefined),
    namespaces,
    secrets: pullSecrets,
    secretName,
    writer,
    detachNamespace: (namespace, names) => serviceAccountReconciler.detachNamespace(namespace, names),
    onForeign: (secret, reason) => reporter.pullSecretForeign(secret, reason),
    onDeleted: (namespace) => reporter.pullSecretWritten(namespace, 'Deleted'),
    onFailure: (namespace, error, retryInMs) => reporter.failed('pull Secret', namespace, error, retryInMs),
  });
  const missedInjections = new MissedInjections({
    rules,
    namespaces,
    serviceAccounts,
    references: (namespace) => writer.references(namespace),
    reachedSince: (namespace) => registration.reachedSince(namespace),
    onMissed: (ref) => reporter.missedInjection(ref),
  });
  return { secretReconciler, serviceAccountReconciler, missedInjections };
}
