import { AdmissionService, noAdmission } from './admission-service.ts';
import type { Clock } from '../clock.ts';
import { observeCluster } from './cluster-state.ts';
import { ConfigSource } from '../config/config-source.ts';
import { Pause } from '../config/pause.ts';
import { TokensKeeper } from '../credentials/tokens-keeper.ts';
import { TokensStore } from '../credentials/tokens-store.ts';
import { createLeadership } from './election.ts';
import { EventRecorder } from '../kube/event-recorder.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { LoopGuard } from '../kube/loop-guard.ts';
import type { ObjectRef } from '../kube/resources.ts';
import { LeaderEvents } from '../leadership/leader-events.ts';
import type { ServeOptions } from '../commands/serve-options.ts';
import { createPullSecrets } from './pull-secrets.ts';
import { createReconcilers } from './reconcilers.ts';
import { OfficialComponent } from '../targets/official-component.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { Reporter } from '../telemetry/reporter.ts';
import { createTokenRenewal } from './token-renewal.ts';

/** What the service is made of and runs in. */
export interface Surroundings {
  options: ServeOptions;
  client: KubeClient;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  environment: Readonly<Record<string, string | undefined>>;
}

export type Components = ReturnType<typeof createComponents>;

/** Makes every part and hands each what it needs of the others; nothing runs yet. */
export function createComponents(surroundings: Surroundings) {
  const { options, client, clock, logger, metrics } = surroundings;
  const { namespace: ownNamespace, namespaces, secretName } = options;
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
  const unlessPaused = (events: Pick<EventRecorder, 'record'>): Pick<EventRecorder, 'record'> => ({
    record: (subject, note) => {
      if (!pause.isOn) events.record(subject, note);
    },
  });
  const events = unlessPaused(leaderEvents);
  const reporter = new Reporter({ logger, metrics, events, configMap: options.configMap });
  const loopGuard = new LoopGuard({ clock, onFight: (object, rivals) => reporter.objects.contested(object, rivals) });
  const leadership = createLeadership(surroundings, reporter, unlessPaused(recorder));
  // Whatever it is about, a process that was stopped for a while must not write it.
  const leaderClient = client.writingWhile(leads);

  const observed = observeCluster({
    client,
    clock,
    secretName,
    ownNamespace,
    namespaces,
    accessKeySecret: options.accessKeySecret,
    onWatchRestart: (resource, error) => reporter.watchRestarted(resource, error),
    onNamespaceMissing: (namespace) => reporter.configuration.namespaceMissing(namespace),
  });
  const config = new ConfigSource({
    client,
    clock,
    configMap: options.configMap,
    namespaces,
    pause,
    onReading: (reading, uid) => reporter.configuration.read(reading, uid),
    onWatchRestart: (error) => reporter.watchRestarted('configmaps', error),
  });
  const tokens = new TokensStore({
    client: leaderClient,
    clock,
    namespace: ownNamespace,
    pause,
    onWatchRestart: (error) => reporter.watchRestarted('secrets', error),
    onWriteFailure: (error, retryInMs) => reporter.failed('tokens Secret', ownNamespace, error, retryInMs),
    onNewerSchema: () => reporter.credentials.tokensLeftToNewer(),
  });
  const tokensKeeper = new TokensKeeper({ clock, store: tokens, loopGuard, namespace: ownNamespace });
  const { refresher, clusterRegion } = createTokenRenewal(surroundings, { reporter, config, tokens, observed });

  // What is under way when the brake is pulled stops before its next write.
  const brakedClient = client.writingWhile(() => !pause.isOn);
  const { sources: pullSecretSources, writer } = createPullSecrets(
    { ...surroundings, client: brakedClient },
    { reporter, leads, loopGuard, config, tokens, observed, refresher, clusterRegion },
  );
  const sources = {
    reporter,
    leadership,
    loopGuard,
    pause,
    config,
    observed,
    pullSecretSources,
    writer,
  };
  const admission = namespaces ? noAdmission : new AdmissionService({ ...surroundings, client: leaderClient }, sources);
  const rules = () => (pause.isOn ? undefined : config.current);
  const reconcilers = createReconcilers(
    { ...surroundings, client: brakedClient.writingWhile(leads) },
    { reporter, leads, rules, observed, writer, admission, loopGuard },
  );
  const onOfficialComponent = (deployment: Required<ObjectRef>) =>
    reporter.configuration.officialComponentRuns(deployment);
  // There are no rights where it would be then.
  const officialComponent = namespaces
    ? undefined
    : new OfficialComponent({ client, clock, pause, onRunning: onOfficialComponent });
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
    admission,
    ...reconcilers,
  };
}
