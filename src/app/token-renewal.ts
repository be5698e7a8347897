import type { ObservedCluster } from './cluster-state.ts';
import type { Surroundings } from './components.ts';
import type { ConfigSource } from '../config/config-source.ts';
import { CredentialFetcher } from '../credentials/credential-fetcher.ts';
import { CredentialRefresher } from '../credentials/credential-refresher.ts';
import type { TokensStore } from '../credentials/tokens-store.ts';
import { addOnAccessKey } from '../identity/access-key-provider.ts';
import { IdentityResolver } from '../identity/identity-resolver.ts';
import { ManagedRole } from '../identity/managed-role.ts';
import { MetadataService } from '../identity/metadata-service.ts';
import { ClusterRegion } from '../identity/region.ts';
import { rrsaTokenFile } from '../identity/rrsa-role.ts';
import { OpenApiStsClient, type StsClient } from '../identity/sts-client.ts';
import { WorkerRole } from '../identity/worker-role.ts';
import { refOf } from '../kube/object-map.ts';
import { cloudDispatcher } from '../openapi/cloud-dispatcher.ts';
import { OpenApiAcrClient } from '../registry/acr-client.ts';
import type { Reporter } from '../telemetry/reporter.ts';

/** Makes what asks Alibaba Cloud for tokens, as whom the configuration says, before those at hand end. */
export function createTokenRenewal(
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
    onStaleDomains: ({ key }, error) => reporter.credentials.domainsNotListed(key, error),
  });
  const refresher = new CredentialRefresher({
    fetcher,
    store: tokens,
    clock,
    onRenewed: (registry, reason, credential) => reporter.credentials.tokenRenewed(registry, reason, credential),
    onFailure: (registry, error, retryInMs) => reporter.credentials.tokenNotRenewed(registry, error, retryInMs),
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
    get: (name) => accessKeySecrets.get(name)?.get(refOf(name))?.secret,
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
