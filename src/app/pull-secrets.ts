import type { Clock } from '../clock.ts';
import type { ObservedCluster } from './cluster-state.ts';
import type { ConfigSource } from '../config/config-source.ts';
import type { CredentialRefresher } from '../credentials/credential-refresher.ts';
import type { TokensStore } from '../credentials/tokens-store.ts';
import type { ClusterRegion } from '../identity/region.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { LoopGuard } from '../kube/loop-guard.ts';
import type { ServeOptions } from '../commands/serve-options.ts';
import { knownDomains } from '../registry/managed-domains.ts';
import { DesiredContent } from '../secrets/desired-content.ts';
import { ExtraAuths } from '../secrets/extra-auths.ts';
import { LiveSources } from '../secrets/pull-secret-sources.ts';
import { PullSecretWriter } from '../secrets/pull-secret-writer.ts';
import { registriesFor } from '../targets/registry-scope.ts';
import type { Reporter } from '../telemetry/reporter.ts';

const NO_NAMES: readonly string[] = [];

/** Makes what says what pull Secrets are to hold, and what writes them. */
export function createPullSecrets(
  {
    options: { secretName },
    client,
    clock,
  }: { options: ServeOptions; client: Pick<KubeClient, 'list' | 'apply'>; clock: Clock },
  parts: {
    reporter: Reporter;
    /** Does this replica lead? */
    leads: () => boolean;
    loopGuard: LoopGuard;
    config: ConfigSource;
    tokens: TokensStore;
    observed: ObservedCluster;
    refresher: CredentialRefresher;
    clusterRegion: ClusterRegion;
  },
) {
  const { reporter, leads, loopGuard, config, tokens, observed, refresher, clusterRegion } = parts;
  const extraAuths = new ExtraAuths({
    secrets: observed.referencedSecrets,
    names: () => config.current?.extraAuths ?? NO_NAMES,
    onUnusable: (name, reason) => reporter.configuration.extraAuthsUnusable(name, reason),
    onUndecodable: (name, keys) => reporter.configuration.extraAuthsUndecodable(name, keys),
  });
  const sources = new LiveSources({
    config: () => config.current,
    tokens: () => tokens.current,
    extraAuths: () => extraAuths.current(),
    clusterRegion: () => clusterRegion.known,
  });
  const desired = new DesiredContent({
    clock,
    sources,
    domainsOf: knownDomains,
    secretName,
    onLeftOut: (leftOut) => reporter.credentials.loginsLeftOut(leftOut),
    onTooLarge: (keys) => reporter.configuration.extraAuthsTooLarge(keys),
  });
  const entriesFor = (namespace: string) => registriesFor(config.current?.registries ?? [], namespace);
  const writer = new PullSecretWriter({
    clock,
    client,
    leads,
    loopGuard,
    secrets: observed.pullSecrets,
    secretName,
    desired: (namespace) => desired.of(namespace),
    isAnswered: (namespace) => entriesFor(namespace).every(({ key }) => refresher.isSettled(key)),
    awaitsSuccessor: (namespace) => entriesFor(namespace).some(({ key }) => refresher.awaitsSuccessor(key)),
    onWritten: (namespace, reason) => reporter.objects.pullSecretWritten(namespace, reason),
  });
  return { sources, writer };
}
