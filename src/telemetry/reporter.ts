import type { EventRecorder } from '../kube/event-recorder.ts';
import type { ObjectRef } from '../kube/resources.ts';
import { ConfigMapEvents } from './config-map-events.ts';
import { ConfigurationReports } from './configuration-reports.ts';
import { CredentialReports } from './credential-reports.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { ObjectReports } from './object-reports.ts';
import { WebhookReports } from './webhook-reports.ts';

export interface ReporterOptions {
  logger: Logger;
  metrics: Metrics;
  events: Pick<EventRecorder, 'record'>;
  configMap: Required<ObjectRef>;
}

/** Says what happens: each happening becomes a log line, a metric and, where somebody must act, an Event. */
export class Reporter {
  readonly configuration: ConfigurationReports;
  readonly credentials: CredentialReports;
  readonly objects: ObjectReports;
  readonly webhook: WebhookReports;
  readonly #logger: Logger;
  readonly #metrics: Metrics;

  constructor({ logger, metrics, events, configMap }: ReporterOptions) {
    const configMapEvents = new ConfigMapEvents(events, configMap);
    this.configuration = new ConfigurationReports({ logger, metrics, configMap, configMapEvents });
    this.credentials = new CredentialReports({ logger, metrics, configMapEvents });
    this.objects = new ObjectReports({ logger, metrics, events });
    this.webhook = new WebhookReports({ logger, metrics, configMapEvents });
    this.#logger = logger;
    this.#metrics = metrics;
  }

  watchRestarted(resource: string, error: unknown): void {
    this.#metrics.watchRestarts.inc({ resource });
    this.#logger.warn({ resource, error }, 'watch failed, beginning again');
  }

  /** Something that is tried again by itself. @param what for example `pull Secret`. */
  failed(what: string, key: string, error: unknown, retryInMs: number): void {
    this.#logger.warn({ what, key, error, retryInMs }, 'not done, trying again');
  }
}
