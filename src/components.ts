import { AdmissionHandler } from './admission/admission-handler.ts';
import { LiveAdmissionView } from './admission/live-admission-view.ts';
import { managedKeys } from './admission/managed-keys.ts';
import type { Clock } from './clock.ts';
import { observeCluster } from './cluster-state.ts';
import { ConfigSource } from './config/config-source.ts';
import { Pause } from './config/pause.ts';
import { TokensKeeper } from './credentials/tokens-keeper.ts';
import { TokensStore } from './credentials/tokens-store.ts';
import { createLeadership } from './election.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import type { KubeClient } from './kube/kube-client.ts';
import { LoopGuard } from './kube/loop-guard.ts';
import { LeaderEvents } from './leadership/leader-events.ts';
import type { ServeOptions } from './options.ts';
import { createCertificates } from './serving-certificates.ts';
import { createPullSecrets } from './pull-secrets.ts';
import { createReconcilers } from './reconcilers.ts';
import { WebhookServer } from './server/webhook-server.ts';
import { OfficialComponent } from './targets/official-component.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { Reporter } from './telemetry/reporter.ts';
import { createTokenRenewal } from './token-renewal.ts';
import { SelfTest } from './webhook/self-test.ts';
import { WebhookReconciler } from './webhook/webhook-reconciler.ts';

/** What the service is made of and runs in. */
export interface Surroundings {
  options: ServeOptions;
  client: KubeClient;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  environment: Readonly<Record<string, string | undefined>>;
  /** The API server's minor version, once it is known. */
  serverMinor: () => number;
}

export type Components = ReturnType<typeof createComponents>;

/** Makes every part and hands each what it needs of the others; nothing runs yet. */
export function createComponents(surroundings: Surroundings) {
  const { options, client, clock, logger, metrics, serverMinor } = surroundings;
  const { namespace: ownNamespace, secretName } = options;
  const onEventFailure = (error: unknown) => logger.debug({ error }, 'Event not written');
  const pause = new Pause();
  const recorder = new EventRecorder({
    client,
    clock,
    ownNamespace,
    onFailure: onEventFailure,
    onFlood: () => logger.warn({}, 'more Events than can be written, some are left out'),
  });
  const leads = () => leadership.leads;
  const leaderEvents = new LeaderEvents({ recorder, clock, leads });
  const events: Pick<EventRecorder, 'record'> = {
    record: (subject, note) => {
      if (!pause.isOn) leaderEvents.record(subject, note);
    },
  };
  const reporter = new Reporter({ logger, metrics, events, configMap: options.configMap });
  const loopGuard = new LoopGuard({ clock, onFight: (object, rivals) => reporter.contested(object, rivals) });
  const leadership = createLeadership(surroundings, reporter);
  // Whatever it is about, a process that was stopped for a while must not write it.
  const leaderClient = client.writingWhile(leads);

  const observed = observeCluster({
    client,
    clock,
    secretName,
    ownNamespace,
    accessKeySecret: options.accessKeySecret,
    onWatchRestart: (resource, error) => reporter.watchRestarted(resource, error),
  });
  const config = new ConfigSource({
    client,
    clock,
    configMap: options.configMap,
    pause,
    onReading: (reading, uid) => reporter.configRead(reading, uid),
    onWatchRestart: (error) => reporter.watchRestarted('configmaps', error),
  });
  const tokens = new TokensStore({
    client: leaderClient,
    clock,
    namespace: ownNamespace,
    pause,
    onWatchRestart: (error) => reporter.watchRestarted('secrets', error),
    onWriteFailure: (error, retryInMs) => reporter.failed('tokens Secret', ownNamespace, error, retryInMs),
    onNewerSchema: () => reporter.tokensLeftToNewer(),
  });
  const tokensKeeper = new TokensKeeper({ clock, store: tokens, loopGuard, namespace: ownNamespace });
  const { refresher, clusterRegion } = createTokenRenewal(surroundings, { reporter, config, tokens, observed });

  // What is under way when the brake is pulled stops before its next write.
  const brakedClient = client.writingWhile(() => !pause.isOn);
  const { extraAuths, desired, writer } = createPullSecrets(
    { ...surroundings, client: brakedClient },
    { reporter, leads, loopGuard, config, tokens, observed, refresher, clusterRegion },
  );
  const certificates = createCertificates(
    { ...surroundings, client: leaderClient },
    {
      reporter,
      loopGuard,
      leads: () => leads() && !pause.isOn,
      trust: {
        bundles: () => registration.bundles,
        provenAt: () => selfTest.provenAt,
        prove: () => selfTest.hasten(),
      },
    },
  );
  const view = new LiveAdmissionView({
    config: () => config.current,
    paused: () => pause.isOn,
    tokens: () => tokens.current,
    extraAuths: () => extraAuths.current(),
    namespaces: observed.namespaces,
    secrets: writer,
    secretName,
    ownNamespace,
    serverMinor,
    clusterRegion: () => clusterRegion.known,
    now: () => clock.now(),
  });
  const webhookServer = new WebhookServer({
    listen: options.listen,
    handler: new AdmissionHandler({
      clock,
      viewOf: (namespace) => view.of(namespace),
      ensureSecret: (namespace) => writer.ensure(namespace),
    }),
    onReviewed: (review) => reporter.reviewed(review),
    onUnreadable: (message) => reporter.unreadableReview(message),
  });
  const { webhookUrl: url, service } = options;
  const registration = new WebhookReconciler({
    client: leaderClient,
    clock,
    address: url ? { url } : { service: { namespace: ownNamespace, name: service, port: 443 } },
    ownNamespace,
    ownerClusterRole: options.ownerClusterRole,
    config: () => config.current,
    paused: () => pause.isOn,
    caBundle: () => (webhookServer.isListening ? certificates.current()?.caBundle : undefined),
    isVerifiedBy: (bundle) => certificates.isVerifiedBy(bundle),
    serverMinor,
    managedKeys: () => {
      const { auths, isSettled } = extraAuths.current();
      const sources = { tokens: tokens.current, extraAuths: auths, clusterRegion: clusterRegion.known };
      return config.current && isSettled ? managedKeys(config.current.registries, sources) : undefined;
    },
    loopGuard,
    onWritten: (change) => reporter.registrationWritten(change),
    onFailure: (error, retryInMs) => reporter.failed('webhook registration', service, error, retryInMs),
    onWatchRestart: (error) => reporter.watchRestarted('mutatingwebhookconfigurations', error),
  });
  const selfTest = new SelfTest({
    client: leaderClient,
    clock,
    ownNamespace,
    isOn: () => !pause.isOn && config.current?.webhook.enabled === true && webhookServer.isListening,
    onTurned: (turn) => reporter.selfTestTurned(turn),
  });
  const rules = () => (pause.isOn ? undefined : config.current);
  const reconcilers = createReconcilers(
    { ...surroundings, client: brakedClient.writingWhile(leads) },
    { reporter, leads, rules, observed, writer, registration, loopGuard },
  );
  const officialComponent = new OfficialComponent({
    client,
    clock,
    pause,
    onRunning: (deployment) => reporter.officialComponentRuns(deployment),
  });
  return {
    pause,
    leadership,
    leaderEvents,
    tokensKeeper,
    officialComponent,
    reporter,
    observed,
    config,
    tokens,
    refresher,
    desired,
    certificates,
    webhookServer,
    registration,
    selfTest,
    ...reconcilers,
  };
}
