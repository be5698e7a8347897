import type { EventRecorder } from '../kube/event-recorder.ts';
import type { KeptObject } from '../kube/loop-guard.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';
import type { ForeignReason, WriteReason } from '../secrets/secret-drift.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface ObjectReportsOptions {
  logger: Logger;
  metrics: Metrics;
  events: Pick<EventRecorder, 'record'>;
}

/** What becomes of pull Secrets, ServiceAccounts and whatever else the service keeps. */
export class ObjectReports {
  readonly #options: ObjectReportsOptions;

  constructor(options: ObjectReportsOptions) {
    this.#options = options;
  }

  pullSecretWritten(namespace: string, reason: WriteReason | 'Deleted'): void {
    this.#options.metrics.pullSecretWrites.inc({ reason });
    // The everyday would drown what somebody may want to look into.
    const level = reason === 'Missing' || reason === 'Renewed' ? 'debug' : 'info';
    this.#options.logger[level]({ namespace, reason }, 'pull Secret written');
  }

  pullSecretForeign({ namespace, name }: Required<ObjectRef>, reason: ForeignReason): void {
    const { logger, events } = this.#options;
    logger.warn({ namespace, secret: name, reason }, 'Secret of our name is not ours to write, namespace left alone');
    const { apiVersion, kind } = resources.secrets;
    const why = reason === 'ForeignType' ? 'another type than kubernetes.io/dockerconfigjson' : 'immutable data';
    const message = `A Secret of this name exists with ${why}: delete it to have registry tokens kept here.`;
    events.record({ apiVersion, kind, namespace, name }, { type: 'Warning', reason: 'ForeignPullSecret', message });
  }

  serviceAccountPatched({ namespace, name }: Required<ObjectRef>, reason: string): void {
    this.#options.metrics.serviceAccountPatches.inc({ reason });
    const level = reason === 'Detached' ? 'info' : 'debug';
    this.#options.logger[level]({ namespace, serviceAccount: name, reason }, 'ServiceAccount patched');
  }

  /** The API server did not ask the webhook, or did not wait for it. */
  missedInjection({ namespace, name }: Required<ObjectRef>): void {
    const { logger, metrics, events } = this.#options;
    metrics.missedInjections.inc({ resource: 'serviceaccounts' });
    logger.warn({ namespace, serviceAccount: name }, 'ServiceAccount was created past the webhook, attaching it now');
    const { apiVersion, kind } = resources.namespaces;
    const message = `ServiceAccount ${name} was created past the webhook: Pods of its first moments may fail to pull.`;
    const note = { type: 'Warning', reason: 'MissedInjection', message, sameAs: namespace } as const;
    // Whoever has many of them is told once in a while.
    events.record({ apiVersion, kind, name: namespace }, note);
  }

  /** Somebody undoes our repairs of an object that we keep. */
  contested({ resource, namespace, name }: KeptObject, managers: readonly string[]): void {
    const { logger, events } = this.#options;
    const { apiVersion, kind, plural } = resource;
    logger.error({ resource: plural, namespace, name, managers }, 'somebody else keeps changing it, repairing slowly');
    const rival = managers[0] ?? 'nobody who gives a name';
    const message = `${kind} ${name} is changed again after every repair; beside this service it was last written by field manager ${rival}.`;
    events.record({ apiVersion, kind, namespace, name }, { type: 'Warning', reason: 'Contested', message });
  }
}
