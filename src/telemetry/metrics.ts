import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { DurationHistogram } from './duration-histogram.ts';
import { ReviewTally } from './review-tally.ts';

/** Every metric of the service. Names and labels are part of its interface. */
export class Metrics {
  readonly registry = new Registry();

  readonly credentialExpiry = this.#gauge(
    'credential_expiry_timestamp_seconds',
    'When the token of a registry expires',
    ['registry'],
  );
  readonly credentialRefreshes = this.#counter('credential_refreshes_total', 'Attempts to renew a token', [
    'registry',
    'result',
  ]);
  readonly openApiRequests = this.#counter('openapi_requests_total', 'Calls of the OpenAPI of Alibaba Cloud', [
    'action',
    'result',
  ]);
  readonly admissionRequests = new ReviewTally();
  readonly admissionDuration = new DurationHistogram({
    name: 'acr_injector_admission_duration_seconds',
    help: 'Time from the request to the answer of a review',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  readonly pullSecretWrites = this.#counter('pull_secret_writes_total', 'Writes of pull Secrets', ['reason']);
  readonly serviceAccountPatches = this.#counter('service_account_patches_total', 'Patches of ServiceAccounts', [
    'reason',
  ]);
  readonly missedInjections = this.#counter(
    'missed_injections_total',
    'Objects that were created past the webhook, which should have attached a reference',
    ['resource'],
  );
  readonly certificateExpiry = this.#gauge('certificate_expiry_timestamp_seconds', 'When a certificate expires', [
    'certificate',
  ]);
  readonly configValid = this.#gauge('config_valid', '1 while the ConfigMap as it stands is in force, else 0');
  readonly configReloads = this.#counter('config_reloads_total', 'Edits of the ConfigMap that were read', ['result']);
  readonly leader = this.#gauge('leader', '1 while this replica renews tokens, writes and registers, else 0');
  readonly selfTestSuccess = this.#gauge(
    'self_test_success',
    '1 while requests come through the API server to a replica and back, else 0; said by the leader',
  );
  readonly watchRestarts = this.#counter('watch_restarts_total', 'Watches that ended with an error', ['resource']);
  readonly namespaces = this.#gauge('namespaces', 'Namespaces by what is done for them', ['state']);

  constructor() {
    const { registry, admissionRequests, admissionDuration } = this;
    collectDefaultMetrics({ register: registry });
    registry.registerMetric(admissionDuration.asMetric());
    new Counter({
      name: 'acr_injector_admission_requests_total',
      help: 'Reviews answered',
      labelNames: ['resource', 'decision', 'reason'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, count } of admissionRequests.counts) this.inc({ ...labels }, count);
      },
    });
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name: `acr_injector_${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[] = []): Gauge<L> {
    return new Gauge({ name: `acr_injector_${name}`, help, labelNames, registers: [this.registry] });
  }
}
