import type { Components } from './components.ts';
import { publicConfig } from './config/public-config.ts';
import { listedDomains } from './credentials/refresh-policy.ts';
import { credentialOf } from './credentials/tokens-secret.ts';
import { knownDomains } from './registry/managed-domains.ts';
import { selectsNamespace } from './targets/target-selector.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** Brings the metrics up to date that are only counted when somebody asks. */
export function countState({ config, observed, tokens }: Components, metrics: Metrics): void {
  const counts = { target: 0, other: 0, terminating: 0 };
  const rules = config.current;
  for (const [name, namespace] of observed.namespaces.entries()) {
    if (namespace.terminating) counts.terminating += 1;
    else if (rules && selectsNamespace(rules, name, namespace)) counts.target += 1;
    else counts.other += 1;
  }
  for (const [state, count] of Object.entries(counts)) metrics.namespaces.set({ state }, count);
  // What is configured no longer must not be said to expire.
  metrics.credentialExpiry.reset();
  for (const entry of rules?.registries ?? []) {
    const credential = credentialOf(tokens.current, entry);
    if (credential) metrics.credentialExpiry.set({ registry: entry.key }, credential.expiresAt / 1000);
  }
}

/** The state of the service for people: names and times, no token. */
export function describeState({ pause, config, tokens, registration, refresher }: Components): object {
  const { failures } = refresher;
  const registries = config.current?.registries ?? [];
  return {
    paused: pause.isOn,
    configMap: config.lastReading,
    configuration: config.current ? publicConfig(config.current) : null,
    webhookTrusted: registration.isTrusted,
    registries: registries.map((entry) => {
      const { key } = entry;
      const credential = credentialOf(tokens.current, entry);
      return {
        key,
        expiresAt: credential ? new Date(credential.expiresAt).toISOString() : null,
        domains: knownDomains(entry, listedDomains(credential), undefined) ?? [],
        failure: failures.get(key) ?? null,
      };
    }),
  };
}
