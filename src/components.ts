import { AdmissionHandler } from './admission/admission-handler.ts';
import { LiveAdmissionView } from './admission/live-admission-view.ts';
import { CertificateFiles } from './certificates/certificate-files.ts';
import { kubeCaStore } from './certificates/kube-ca-store.ts';
import { SelfManagedCertificates } from './certificates/self-managed-certificates.ts';
import { servingNames } from './certificates/serving-names.ts';
import type { Clock } from './clock.ts';
import { observeCluster, type ObservedCluster } from './cluster-state.ts';
import { ConfigSource } from './config/config-source.ts';
import { CredentialFetcher } from './credentials/credential-fetcher.ts';
import { CredentialRefresher } from './credentials/credential-refresher.ts';
import { TokensStore } from './credentials/tokens-store.ts';
import { AccessKeyProvider, accessKeySecretName } from './identity/access-key-provider.ts';
import { MetadataService } from './identity/metadata-service.ts';
import { ClusterRegion } from './identity/region.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import type { KubeClient } from './kube/kube-client.ts';
import type { ServeOptions } from './options.ts';
import { OpenApiAcrClient } from './registry/acr-client.ts';
import { DesiredContent } from './secrets/desired-content.ts';
import { PullSecretWriter } from './secrets/pull-secret-writer.ts';
import { SecretReconciler } from './secrets/secret-reconciler.ts';
import { WebhookServer } from './server/webhook-server.ts';
import { ServiceAccountReconciler } from './targets/service-account-reconciler.ts';
import { ServiceAccountWriter } from './targets/service-account-writer.ts';
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
  const events = new EventRecorder({ client, clock, ownNamespace, onFailure: onEventFailure });
  const reporter = new Reporter({ logger, metrics, events, configMap: options.configMap, secretName });

  const observed = observeCluster({
    client,
    clock,
    secretName,
    ownNamespace,
    onWatchRestart: (resource, error) => reporter.watchRestarted(resource, error),
  });
  const config = new ConfigSource({
    client,
    clock,
    configMap: options.configMap,
    onReading: (reading, uid) => reporter.configRead(reading, uid),
    onWatchRestart: (error) => reporter.watchRestarted('configmaps', error),
  });
  const tokens = new TokensStore({
    client,
    clock,
    namespace: ownNamespace,
    onWatchRestart: (error) => reporter.watchRestarted('secrets', error),
    onWriteFailure: (error, retryInMs) => reporter.failed('tokens Secret', ownNamespace, error, retryInMs),
  });
  const { refresher, clusterRegion } = createRefresher(surroundings, { reporter, config, tokens, observed });

  const desired = new DesiredContent({
    clock,
    tokens: () => tokens.current,
    registries: () => config.current?.registries ?? [],
  });
  const writer = new PullSecretWriter({
    client,
    secrets: observed.pullSecrets,
    secretName,
    desired: () => desired.current(),
    onWritten: (namespace, reason) => reporter.pullSecretWritten(namespace, reason),
  });
  const certificates = createCertificates(surroundings, reporter);
  const view = new LiveAdmissionView({
    config: () => config.current,
    tokens: () => tokens.current,
    desired,
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
    caBundle: () => (webhookServer.isListening ? certificates.current()?.caBundle : undefined),
    serverMinor,
    onWritten: (change) => reporter.registrationWritten(change),
    onContested: (managers) => reporter.registrationContested(managers),
    onFailure: (error, retryInMs) => reporter.failed('webhook registration', service, error, retryInMs),
    onWatchRestart: (error) => reporter.watchRestarted('mutatingwebhookconfigurations', error),
  });
  const reconcilers = createReconcilers(surroundings, { reporter, config, observed, writer, desired, registration });
  return {
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
  { options, clock, metrics, environment }: Surroundings,
  parts: { reporter: Reporter; config: ConfigSource; tokens: TokensStore; observed: ObservedCluster },
) {
  const { reporter, config, tokens, observed } = parts;
  const provider = new AccessKeyProvider({
    namespaces: [...observed.accessKeySecrets.keys()],
    secret: (namespace) => observed.accessKeySecrets.get(namespace)?.get(`${namespace}/${accessKeySecretName}`)?.secret,
    environment,
  });
  const acr = new OpenApiAcrClient({
    endpoint: options.crEndpoint,
    apiVersion: () => config.current?.acrApiVersion ?? '2018-12-01',
    onRequest: (action, result) => metrics.openApiRequests.inc({ action, result }),
    clock,
  });
  const clusterRegion = new ClusterRegion({
    configured: options.region,
    metadata: new MetadataService({ endpoint: options.metadataEndpoint }),
  });
  const fetcher = new CredentialFetcher({
    acr,
    provider,
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

function createCertificates({ options, client, clock }: Surroundings, reporter: Reporter) {
  const { namespace, service, webhookUrl, tlsDir, caLifetimeMs, certificateLifetimeMs } = options;
  const report = reporter.certificate.bind(reporter);
  if (tlsDir) return new CertificateFiles({ directory: tlsDir, clock, report });
  return new SelfManagedCertificates({
    store: kubeCaStore(client, namespace),
    clock,
    namespace,
    names: servingNames({ service, namespace, webhookUrl }),
    caLifetimeMs,
    certificateLifetimeMs,
    leads: () => true,
    report,
  });
}

function createReconcilers(
  { options, client, clock }: Surroundings,
  parts: {
    reporter: Reporter;
    config: ConfigSource;
    observed: ObservedCluster;
    writer: PullSecretWriter;
    desired: DesiredContent;
    registration: WebhookReconciler;
  },
) {
  const { reporter, config, observed, writer, desired, registration } = parts;
  const { namespaces, serviceAccounts, pullSecrets } = observed;
  const { secretName } = options;
  const rules = () => config.current;
  const serviceAccountReconciler = new ServiceAccountReconciler({
    clock,
    rules,
    namespaces,
    serviceAccounts,
    writer: new ServiceAccountWriter({
      client,
      serviceAccounts,
      secretName,
      reachedByWebhook: (namespace) => registration.isReached(namespace),
      onPatched: (ref, reason) => reporter.serviceAccountPatched(ref, reason),
    }),
    canAttach: () => desired.current() !== undefined,
    isForeign: (namespace) => writer.foreign(namespace) !== null,
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
    detachNamespace: (namespace) => serviceAccountReconciler.detachNamespace(namespace),
    onForeign: (namespace, reason) => reporter.pullSecretForeign(namespace, reason),
    onDeleted: (namespace) => reporter.pullSecretWritten(namespace, 'Deleted'),
    onFailure: (namespace, error, retryInMs) => reporter.failed('pull Secret', namespace, error, retryInMs),
  });
  return { secretReconciler, serviceAccountReconciler };
}
