import { AdmissionHandler } from './admission/admission-handler.ts';
import { LiveAdmissionView } from './admission/live-admission-view.ts';
import type { Clock } from './clock.ts';
import { observeCluster, type ObservedCluster } from './cluster-state.ts';
import { ConfigSource } from './config/config-source.ts';
import { Pause } from './config/pause.ts';
import { CredentialFetcher } from './credentials/credential-fetcher.ts';
import { CredentialRefresher } from './credentials/credential-refresher.ts';
import { TokensStore } from './credentials/tokens-store.ts';
import { addOnAccessKey } from './identity/access-key-provider.ts';
import { IdentityResolver } from './identity/identity-resolver.ts';
import { ManagedRole } from './identity/managed-role.ts';
import { MetadataService } from './identity/metadata-service.ts';
import { ClusterRegion } from './identity/region.ts';
import { rrsaTokenFile } from './identity/rrsa-role.ts';
import { OpenApiStsClient, type StsClient } from './identity/sts-client.ts';
import { WorkerRole } from './identity/worker-role.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import type { KubeClient } from './kube/kube-client.ts';
import type { ServeOptions } from './options.ts';
import { createCertificates } from './serving-certificates.ts';
import { OpenApiAcrClient } from './registry/acr-client.ts';
import { createPullSecrets } from './pull-secrets.ts';
import { createReconcilers } from './reconcilers.ts';
import { cloudDispatcher } from './openapi/cloud-dispatcher.ts';
import { WebhookServer } from './server/webhook-server.ts';
import { OfficialComponent } from './targets/official-component.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { Reporter } from './telemetry/reporter.ts';
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
  const recorder = new EventRecorder({ client, clock, ownNamespace, onFailure: onEventFailure });
  const events: Pick<EventRecorder, 'record'> = {
    record: (subject, note) => {
      if (!pause.isOn) recorder.record(subject, note);
    },
  };
  const reporter = new Reporter({ logger, metrics, events, configMap: options.configMap });

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
    client,
    clock,
    namespace: ownNamespace,
    pause,
    onWatchRestart: (error) => reporter.watchRestarted('secrets', error),
    onWriteFailure: (error, retryInMs) => reporter.failed('tokens Secret', ownNamespace, error, retryInMs),
  });
  const { refresher, clusterRegion } = createRefresher(surroundings, { reporter, config, tokens, observed });

  // What is under way when the brake is pulled stops before its next write.
  const brakedClient = client.writingWhile(() => !pause.isOn);
  const { extraAuths, desired, writer } = createPullSecrets(
    { ...surroundings, client: brakedClient },
    { reporter, config, tokens, observed, refresher, clusterRegion },
  );
  const certificates = createCertificates(surroundings, { reporter, pause });
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
    client,
    clock,
    address: url ? { url } : { service: { namespace: ownNamespace, name: service, port: 443 } },
    ownNamespace,
    ownerClusterRole: options.ownerClusterRole,
    config: () => config.current,
    paused: () => pause.isOn,
    caBundle: () => (webhookServer.isListening ? certificates.current()?.caBundle : undefined),
    serverMinor,
    onWritten: (change) => reporter.registrationWritten(change),
    onContested: (managers) => reporter.registrationContested(managers),
    onFailure: (error, retryInMs) => reporter.failed('webhook registration', service, error, retryInMs),
    onWatchRestart: (error) => reporter.watchRestarted('mutatingwebhookconfigurations', error),
  });
  const rules = () => (pause.isOn ? undefined : config.current);
  const reconcilers = createReconcilers(
    { ...surroundings, client: brakedClient },
    { reporter, rules, observed, writer, registration },
  );
  const officialComponent = new OfficialComponent({
    client,
    clock,
    pause,
    onRunning: (deployment) => reporter.officialComponentRuns(deployment),
  });
  return {
    pause,
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
    ...reconcilers,
  };
}

function createRefresher(
  surroundings: Surroundings,
  parts: { reporter: Reporter; config: ConfigSource; tokens: TokensStore; observed: ObservedCluster },
) {
  const { options, clock, metrics, environment } = surroundings;
  const { reporter, config, tokens } = parts;
  const dispatcher = cloudDispatcher(environment);
  const onRequest = (action: string, result: string) => metrics.openApiRequests.inc({ action, result });
  const acr = new OpenApiAcrClient({
    endpoint: options.crEndpoint,
    apiVersion: () => config.current?.acrApiVersion ?? '2018-12-01',
    onRequest,
    clock,
    dispatcher,
  });
  const metadata = new MetadataService({ endpoint: options.metadataEndpoint });
  const clusterRegion = new ClusterRegion({ configured: options.region, metadata });
  const sts = new OpenApiStsClient({
    endpoint: options.stsEndpoint,
    region: (signal) =>
      clusterRegion.regionOr(() => config.current?.registries.find(({ regionId }) => regionId)?.regionId, signal),
    onRequest,
    dispatcher,
  });
  const identities = createIdentities(surroundings, { ...parts, metadata, sts });
  config.onChange(({ registries }) => identities.retain(registries));
  const fetcher = new CredentialFetcher({
    acr,
    providerFor: async (entry, signal) => {
      await identities.settled(entry, signal);
      return identities.providerFor(entry);
    },
    clusterRegion: (signal) => clusterRegion.region(signal),
    clock,
    onStaleDomains: ({ key }, error) => reporter.domainsNotListed(key, error),
  });
  const refresher = new CredentialRefresher({
    fetcher,
    store: tokens,
    clock,
    onRenewed: (registry, reason, credential) => reporter.tokenRenewed(registry, reason, credential),
    onFailure: (registry, error, retryInMs) => reporter.tokenNotRenewed(registry, error, retryInMs),
  });
  return { refresher, clusterRegion };
}

function createIdentities(
  { options, clock, environment }: Surroundings,
  parts: {
    reporter: Reporter;
    config: ConfigSource;
    observed: ObservedCluster;
    metadata: MetadataService;
    sts: StsClient;
  },
): IdentityResolver {
  const { reporter, config, observed, metadata, sts } = parts;
  const { accessKeySecrets, referencedSecrets } = observed;
  const onNotRenewed = (source: string, error: unknown, retryInMs = 0) =>
    reporter.failed('session', source, error, retryInMs);
  const accessKey = addOnAccessKey({
    secrets: [...accessKeySecrets.keys()],
    get: (name) => accessKeySecrets.get(name)?.get(name)?.secret,
    environment,
  });
  const managedRole = new ManagedRole({ clock, onNotRenewed });
  const nothingElse = () => `${accessKey.whyMissing}; there is no file ${managedRole.file}`;
  return new IdentityResolver({
    tokenMode: options.tokenMode,
    rrsaEnabled: () => config.current?.rrsaEnabled ?? false,
    accessKey,
    managedRole,
    workerRole: new WorkerRole({
      metadata,
      clock,
      onNotRenewed,
      ...(options.tokenMode === 'auto' && { insteadOf: nothingElse }),
    }),
    secrets: {
      namespace: options.namespace,
      get: (name) => referencedSecrets.get(name),
      isSettled: (name) => referencedSecrets.isSettled(name),
    },
    rrsaTokenFile: rrsaTokenFile(environment),
    sts,
    clock,
    onNotRenewed,
  });
}
