import type { Admission } from './admission-service.ts';
import type { Clock } from '../clock.ts';
import type { ObservedCluster } from './cluster-state.ts';
import type { Config } from '../config/config.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { LoopGuard } from '../kube/loop-guard.ts';
import type { ServeOptions } from '../commands/serve-options.ts';
import type { PullSecretWriter } from '../secrets/pull-secret-writer.ts';
import { SecretReconciler } from '../secrets/secret-reconciler.ts';
import { ServiceAccountReconciler } from '../targets/service-account-reconciler.ts';
import { ServiceAccountWriter } from '../targets/service-account-writer.ts';
import type { Reporter } from '../telemetry/reporter.ts';

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
    admission: Pick<Admission, 'isReached'>;
    loopGuard: LoopGuard;
  },
) {
  const { reporter, leads, rules, observed, writer, admission, loopGuard } = parts;
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
      reachedByWebhook: (namespace) => admission.isReached(namespace),
      onPatched: (ref, reason) => reporter.objects.serviceAccountPatched(ref, reason),
    }),
    references: (namespace) => writer.stateOf(namespace),
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
    onForeign: (secret, reason) => reporter.objects.pullSecretForeign(secret, reason),
    onDeleted: (namespace) => reporter.objects.pullSecretWritten(namespace, 'Deleted'),
    onFailure: (namespace, error, retryInMs) => reporter.failed('pull Secret', namespace, error, retryInMs),
  });
  return { secretReconciler, serviceAccountReconciler };
}
