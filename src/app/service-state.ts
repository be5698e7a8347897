import type { ServingCertificate } from '../certificates/certificate-source.ts';
import type { ObservedCluster } from './cluster-state.ts';
import type { Components } from './components.ts';
import type { Config } from '../config/config.ts';
import { publicConfig } from '../config/public-config.ts';
import { listedDomains } from '../credentials/refresh-policy.ts';
import { credentialOf } from '../credentials/tokens-secret.ts';
import type { Leadership } from '../leadership/leadership.ts';
import { knownDomains } from '../registry/managed-domains.ts';
import { selectsNamespace } from '../targets/target-selector.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { SelfTestState } from '../webhook/self-test.ts';

/** Brings the metrics up to date that are only counted when somebody asks. */
export function countState(parts: Components, metrics: Metrics): void {
  const { leadership, admission, config, observed, tokens } = parts;
  countSelfTest(admission.selfTest, metrics);
  countCertificates(admission.certificate, metrics);
  metrics.leader.set(leadership.leads ? 1 : 0);
  countNamespaces(observed, config.current, metrics);
  // What is configured no longer must not be said to expire.
  metrics.credentialExpiry.reset();
  for (const entry of config.current?.registries ?? []) {
    const credential = credentialOf(tokens.current, entry);
    if (credential) metrics.credentialExpiry.set({ registry: entry.key }, credential.expiresAt / 1000);
  }
}

function countNamespaces(observed: ObservedCluster, rules: Config | undefined, metrics: Metrics): void {
  const counts = { target: 0, other: 0, terminating: 0, missing: observed.missingNamespaces().length };
  for (const [name, namespace] of observed.namespaces.entries()) {
    if (namespace.terminating) counts.terminating += 1;
    else if (rules && selectsNamespace(rules, name, namespace)) counts.target += 1;
    else counts.other += 1;
  }
  for (const [state, count] of Object.entries(counts)) metrics.namespaces.set({ state }, count);
}

/** Only who tests says how that went. */
function countSelfTest({ passed }: SelfTestState, { selfTestSuccess }: Metrics): void {
  if (passed === undefined) selfTestSuccess.remove();
  else selfTestSuccess.set(passed ? 1 : 0);
}

function countCertificates(current: ServingCertificate | undefined, { certificateExpiry }: Metrics): void {
  if (!current) return;
  certificateExpiry.set({ certificate: 'serving' }, current.expiresAt / 1000);
  certificateExpiry.set({ certificate: 'ca' }, current.caExpiresAt / 1000);
}

/** The state of the service for people: names and times, no token. */
export function describeState(parts: Components): object {
  const { leadership, pause, config, tokens, observed, admission, refresher } = parts;
  const { failures } = refresher;
  const registries = config.current?.registries ?? [];
  return {
    paused: pause.isOn,
    leader: describeLeader(leadership),
    configMap: config.lastReading,
    configuration: config.current ? publicConfig(config.current) : null,
    missingNamespaces: observed.missingNamespaces(),
    webhookTrusted: admission.isTrusted,
    selfTest: describeSelfTest(admission.selfTest),
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

/** `suspendedUntil` is there while the clean-up holds the Lease, so that nobody leads. */
function describeLeader({ leads, holder, suspendedUntil }: Leadership): object {
  const suspension = suspendedUntil === undefined ? {} : { suspendedUntil: new Date(suspendedUntil).toISOString() };
  return { isSelf: leads, holder: holder || null, ...suspension };
}

/** `passed` is null where another replica tests, or there is nothing to test. */
function describeSelfTest({ passed, testedAt, lastFailure }: SelfTestState): object {
  return {
    passed: passed ?? null,
    testedAt: testedAt === undefined ? null : new Date(testedAt).toISOString(),
    lastFailure: lastFailure ? { at: new Date(lastFailure.at).toISOString(), reason: lastFailure.reason } : null,
  };
}
