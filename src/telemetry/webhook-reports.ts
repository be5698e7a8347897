import type { AnsweredReview } from '../admission/verdict.ts';
import type { CertificateNotice } from '../certificates/certificate-source.ts';
import type { ConfigMapEvents } from './config-map-events.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface WebhookReportsOptions {
  logger: Logger;
  metrics: Metrics;
  configMapEvents: ConfigMapEvents;
}

/** What the webhook answers, and what it takes to be asked: registration, certificate, self-test. */
export class WebhookReports {
  readonly #options: WebhookReportsOptions;

  constructor(options: WebhookReportsOptions) {
    this.#options = options;
  }

  reviewed(review: AnsweredReview): void {
    const { logger, metrics } = this.#options;
    const { resource, operation, namespace, durationMs, verdict } = review;
    const { decision, reason, cause } = verdict;
    // What the service asks of itself would hide what others ask of it.
    if (!review.isOwn) {
      metrics.admissionRequests.count({ resource: labelOf(resource), decision, reason });
      metrics.admissionDuration.observe(durationMs / 1000);
    }
    const fields = { resource, operation, namespace, decision, reason, durationMs };
    if (reason === 'InternalError') logger.error({ ...fields, error: cause }, 'admission failed');
    else if (decision === 'denied') logger.warn(fields, 'admission denied');
    else logger.debug(fields, 'admission answered');
  }

  unreadableReview(detail: string): void {
    this.#options.metrics.admissionRequests.count({ resource: 'unknown', decision: 'refused', reason: 'Unreadable' });
    this.#options.logger.warn({ detail }, 'request is no AdmissionReview');
  }

  registrationWritten(change: string): void {
    this.#options.logger.info({ change }, 'webhook registration written');
  }

  /** Nothing removes the registration when the service ends for good. */
  registrationStays(name: string): void {
    const remedy = `kubectl delete mutatingwebhookconfiguration ${name}`;
    this.#options.logger.warn({ remedy }, 'webhook registration stays, remove it unless the service comes back');
  }

  /** Namespaces cannot be told by name, so that `Fail` could block kube-system. */
  failurePolicyLowered(serverMinor: number): void {
    this.#options.logger.warn({ serverMinor }, 'failure-policy Fail is registered as Ignore before Kubernetes 1.21');
    const message = `failure-policy: Fail needs Kubernetes 1.21 or newer, this is 1.${serverMinor}: Ignore is registered.`;
    this.#options.configMapEvents.record({ reason: 'FailurePolicyLowered', message });
  }

  certificate(notice: CertificateNotice): void {
    const { logger } = this.#options;
    if (notice.kind === 'problem') {
      const { reason, detail } = notice;
      // The first replicas of all wait until one of them leads.
      logger[reason === 'CaMissing' ? 'info' : 'error']({ reason, detail }, 'certificate problem');
      return;
    }
    const { certificate, reason, expiresAt } = notice;
    logger.info({ certificate, reason, expiresAt: new Date(expiresAt).toISOString() }, 'certificate issued');
  }

  /** Requests come through the API server to a replica and back, or do so no longer. */
  selfTestTurned(turn: { passed: true } | { passed: false; reason: string }): void {
    const { logger } = this.#options;
    if (turn.passed) {
      logger.info({}, 'self-test passes');
      return;
    }
    logger.error({ reason: turn.reason }, 'self-test fails');
    this.#options.configMapEvents.record({
      reason: 'SelfTestFailed',
      message: `The webhook does not work: ${turn.reason}.`,
    });
  }
}

/** Anybody who reaches the port can ask about anything; that makes no series of its own. */
function labelOf(resource: string): string {
  return resource === 'pods' || resource === 'serviceaccounts' ? resource : 'unknown';
}
