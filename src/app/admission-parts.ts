import { AdmissionHandler } from '../admission/admission-handler.ts';
import { LiveAdmissionView } from '../admission/live-admission-view.ts';
import { managedKeys } from '../admission/managed-keys.ts';
import type { ObservedCluster } from './cluster-state.ts';
import type { Surroundings } from './components.ts';
import type { ConfigSource } from '../config/config-source.ts';
import type { Pause } from '../config/pause.ts';
import type { LoopGuard } from '../kube/loop-guard.ts';
import { ServerVersion } from '../kube/server-version.ts';
import type { Leadership } from '../leadership/leadership.ts';
import type { LiveSources } from '../secrets/pull-secret-sources.ts';
import type { PullSecretWriter } from '../secrets/pull-secret-writer.ts';
import { WebhookServer } from '../server/webhook-server.ts';
import { createCertificates } from './serving-certificates.ts';
import type { Reporter } from '../telemetry/reporter.ts';
import { MissedInjections } from '../webhook/missed-injections.ts';
import { SelfTest } from '../webhook/self-test.ts';
import { WebhookReconciler } from '../webhook/webhook-reconciler.ts';

/** What admission is decided by, and whom it is told to. */
export interface AdmissionSources {
  reporter: Reporter;
  leadership: Leadership;
  loopGuard: LoopGuard;
  pause: Pause;
  config: ConfigSource;
  observed: ObservedCluster;
  pullSecretSources: LiveSources;
  writer: PullSecretWriter;
}

export type AdmissionParts = ReturnType<typeof createAdmissionParts>;

/** Makes what the webhook is made of; its client is to refuse writes while another replica leads. */
export function createAdmissionParts({ options, client, clock }: Surroundings, sources: AdmissionSources) {
  const { reporter, leadership, loopGuard, pause, config, observed, pullSecretSources, writer } = sources;
  const { namespace: ownNamespace, secretName, webhookUrl: url, service } = options;
  const serverVersion = new ServerVersion({
    client,
    clock,
    onFailure: (error, retryInMs) => reporter.failed('server version', '', error, retryInMs),
  });
  const certificates = createCertificates(
    { options, client, clock },
    {
      reporter,
      loopGuard,
      leads: () => leadership.leads && !pause.isOn,
      trust: {
        bundles: () => registration.bundles,
        provenAt: () => selfTest.provenAt,
        prove: () => selfTest.hasten(),
      },
    },
  );
  const view = new LiveAdmissionView({
    sources: pullSecretSources,
    paused: () => pause.isOn,
    namespaces: observed.namespaces,
    secrets: writer,
    secretName,
    ownNamespace,
    serverMinor: () => serverVersion.minor,
    now: () => clock.now(),
  });
  const webhookServer = new WebhookServer({
    listen: options.listen,
    handler: new AdmissionHandler({
      clock,
      viewOf: (namespace) => view.of(namespace),
      ensureSecret: (namespace) => writer.ensure(namespace),
    }),
    onReviewed: (review) => reporter.webhook.reviewed(review),
    onUnreadable: (message) => reporter.webhook.unreadableReview(message),
  });
  const registration = new WebhookReconciler({
    client,
    clock,
    address: url ? { url } : { service: { namespace: ownNamespace, name: service, port: 443 } },
    ownNamespace,
    ownerClusterRole: options.ownerClusterRole,
    config: () => config.current,
    paused: () => pause.isOn,
    caBundle: () => (webhookServer.isListening ? certificates.current()?.caBundle : undefined),
    isVerifiedBy: (bundle) => certificates.isVerifiedBy(bundle),
    serverMinor: () => serverVersion.minor,
    managedKeys: () => {
      const known = pullSecretSources.current();
      return known?.extraAuths.isSettled ? managedKeys(known.config.registries, known) : undefined;
    },
    loopGuard,
    onWritten: (change) => reporter.webhook.registrationWritten(change),
    onFailure: (error, retryInMs) => reporter.failed('webhook registration', service, error, retryInMs),
    onWatchRestart: (error) => reporter.watchRestarted('mutatingwebhookconfigurations', error),
  });
  const selfTest = new SelfTest({
    client,
    clock,
    ownNamespace,
    isOn: () => !pause.isOn && config.current?.webhook.enabled === true && webhookServer.isListening,
    onTurned: (turn) => reporter.webhook.selfTestTurned(turn),
  });
  const missedInjections = new MissedInjections({
    rules: () => (pause.isOn ? undefined : config.current),
    namespaces: observed.namespaces,
    serviceAccounts: observed.serviceAccounts,
    references: (namespace) => writer.stateOf(namespace),
    reachedSince: (namespace) => registration.reachedSince(namespace),
    onMissed: (ref) => reporter.objects.missedInjection(ref),
  });
  return { serverVersion, certificates, webhookServer, registration, selfTest, missedInjections };
}
