import type { AnsweredReview } from '../admission/verdict.ts';
import type { CertificateNotice } from '../certificates/certificate-source.ts';
import { maxAccountsPerDomain } from '../config/account-limit.ts';
import type { ConfigReading } from '../config/config-source.ts';
import type { ConfigProblem } from '../config/config.ts';
import { PAUSE_ANNOTATION } from '../config/pause.ts';
import { formatProblem, quote } from '../config/problem-report.ts';
import type { RefreshReason } from '../credentials/refresh-policy.ts';
import type { RegistryCredential } from '../credentials/registry-credential.ts';
import { CodedError } from '../errors.ts';
import type { EventNote, EventRecorder } from '../kube/event-recorder.ts';
import type { KeptObject } from '../kube/loop-guard.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';
import type { UnusableReason } from '../secrets/extra-auths.ts';
import type { SecretLayers } from '../secrets/secret-layers.ts';
import type { ForeignReason, WriteReason } from '../secrets/secret-drift.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface ReporterOptions {
  logger: Logger;
  metrics: Metrics;
  events: Pick<EventRecorder, 'record'>;
  configMap: Required<ObjectRef>;
}

/** Says what happens: each happening becomes a log line, a metric and, where somebody must act, an Event. */
export class Reporter {
  readonly #options: ReporterOptions;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  configRead(reading: ConfigReading, uid: string | undefined): void {
    const { logger, metrics, configMap } = this.#options;
    const name = `${configMap.namespace}/${configMap.name}`;
    metrics.configValid.set(reading.kind === 'accepted' ? 1 : 0);
    metrics.configReloads.inc({ result: reading.kind });
    switch (reading.kind) {
      case 'accepted':
        logger[reading.warnings.length > 0 ? 'warn' : 'info'](
          { configMap: name, warnings: reading.warnings.map(formatProblem) },
          'configuration accepted',
        );
        if (reading.warnings.length > 0) this.#configEvent('ConfigurationWarning', reading.warnings, uid);
        if (reading.personalByDefault) this.#personalByDefault(uid);
        return;
      case 'refused':
        logger.error(
          { configMap: name, problems: reading.problems.map(formatProblem), keepsLastGood: reading.keepsLastGood },
          'configuration refused',
        );
        this.#configEvent('InvalidConfiguration', reading.problems, uid);
        return;
      case 'missing':
        logger.error({ configMap: name, keepsLastGood: reading.keepsLastGood }, 'there is no ConfigMap: create it');
    }
  }

  /** Namespaces cannot be told by name, so that `Fail` could block kube-system. */
  failurePolicyLowered(serverMinor: number): void {
    this.#options.logger.warn({ serverMinor }, 'failure-policy Fail is registered as Ignore before Kubernetes 1.21');
    const message = `failure-policy: Fail needs Kubernetes 1.21 or newer, this is 1.${serverMinor}: Ignore is registered.`;
    this.#configMapEvent({ reason: 'FailurePolicyLowered', message });
  }

  tokenRenewed(registry: string, reason: RefreshReason, { expiresAt, domains }: RegistryCredential): void {
    const { logger, metrics } = this.#options;
    metrics.credentialRefreshes.inc({ registry, result: 'success' });
    logger.info({ registry, reason, expiresAt: new Date(expiresAt).toISOString(), domains }, 'token renewed');
  }

  tokenNotRenewed(registry: string, error: unknown, retryInMs: number): void {
    const { logger, metrics } = this.#options;
    metrics.credentialRefreshes.inc({ registry, result: error instanceof CodedError ? error.code : 'Error' });
    logger.error({ registry, error, retryInMs }, 'token not renewed');
    // Only a coded error's message is known to hold no secret.
    const why = error instanceof CodedError ? error.message : "see the service's log";
    const message = `No new token for registry ${registry}: ${why}`;
    const sameAs = error instanceof CodedError ? `${registry} ${error.code}` : registry;
    this.#configMapEvent({ reason: 'TokenNotRenewed', message, sameAs });
  }

  /** A later version was here; what this one obtains is lost with its process. */
  tokensLeftToNewer(): void {
    this.#options.logger.warn({}, 'tokens Secret is of a later version and left alone, tokens are kept in memory');
  }

  domainsNotListed(registry: string, error: unknown): void {
    this.#options.logger.warn({ registry, error }, 'domains of the instance not listed anew, keeping those known');
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

  /** More logins on one domain than there are pull Secrets, which is known only now that all domains are. */
  loginsLeftOut(leftOut: SecretLayers['leftOut']): void {
    this.#options.logger.error({ leftOut }, 'too many accounts on one domain, some are left out');
    const named = leftOut.map(({ key, domain }) => `${key} on ${domain}`).join(', ');
    const message = `More than ${maxAccountsPerDomain} accounts on one domain, left out: ${named}; keep them apart by \`namespaces\`.`;
    this.#configMapEvent({ reason: 'TooManyAccounts', message });
  }

  extraAuthsUnusable(name: string, reason: UnusableReason): void {
    const { logger } = this.#options;
    logger.warn({ secret: name, reason }, 'Secret of extra-auths gives nothing');
    const message = `extra-auths names Secret ${name}, which ${whyUnusable[reason]}.`;
    this.#configMapEvent({ reason: 'ExtraAuthsUnusable', message });
  }

  /** @param keys of entries whose content is nobody's business. */
  extraAuthsUndecodable(name: string, keys: readonly string[]): void {
    const shown = keys.slice(0, maxKeysShown).map(quote).join(', ') + (keys.length > maxKeysShown ? ', …' : '');
    this.#options.logger.warn(
      { secret: name, keys: shown },
      'entries of extra-auths left out, kubelet cannot decode them',
    );
    const message = `extra-auths names Secret ${name}, whose entries for ${shown} kubelet cannot decode: their fields have to be texts, and \`auth\` base64 of username:password.`;
    this.#configMapEvent({ reason: 'ExtraAuthsUnusable', message });
  }

  extraAuthsTooLarge(keys: readonly string[]): void {
    this.#options.logger.warn({ count: keys.length, keys: keys.slice(0, 10) }, 'no room for entries of extra-auths');
    const named = keys.slice(0, 3).join(', ') + (keys.length > 3 ? ` and ${keys.length - 3} more` : '');
    const message = `extra-auths holds more than a Secret can: left out are ${named}; merge fewer.`;
    this.#configMapEvent({ reason: 'ExtraAuthsTooLarge', message });
  }

  configurationTooLarge(): void {
    this.#options.logger.warn({}, 'configuration is too large to be remembered for the next start');
    const message =
      'This configuration is too large to be kept: should it be missing or wrong at the next start, none is in force.';
    this.#configMapEvent({ reason: 'ConfigurationTooLarge', message });
  }

  paused(isOn: boolean): void {
    const { logger } = this.#options;
    if (isOn) logger.warn({ annotation: PAUSE_ANNOTATION }, 'paused: nothing is written until the annotation goes');
    else logger.warn({ annotation: PAUSE_ANNOTATION }, 'at work again');
  }

  /** What this service takes the place of still runs. */
  officialComponentRuns({ namespace, name }: Required<ObjectRef>): void {
    this.#options.logger.warn({ deployment: `${namespace}/${name}` }, 'the official component runs beside us');
    const message = `Deployment ${namespace}/${name} runs beside acr-credential-injector, and both write the same Secrets: uninstall it.`;
    this.#configMapEvent({ reason: 'OfficialComponentRunning', message });
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

  reviewed(review: AnsweredReview): void {
    const { logger, metrics } = this.#options;
    const { resource, operation, namespace, durationMs, verdict } = review;
    const { decision, reason, cause } = verdict;
    // What the service asks of itself would hide what others ask of it.
    if (!review.isOwn) {
      metrics.admissionRequests.inc({ resource: labelOf(resource), decision, reason });
      metrics.admissionDuration.observe(durationMs / 1000);
    }
    const fields = { resource, operation, namespace, decision, reason, durationMs };
    if (reason === 'InternalError') logger.error({ ...fields, error: cause }, 'admission failed');
    else if (decision === 'denied') logger.warn(fields, 'admission denied');
    else logger.debug(fields, 'admission answered');
  }

  unreadableReview(detail: string): void {
    this.#options.metrics.admissionRequests.inc({ resource: 'unknown', decision: 'refused', reason: 'Unreadable' });
    this.#options.logger.warn({ detail }, 'request is no AdmissionReview');
  }

  /** Nothing removes the registration when the service ends for good. */
  registrationStays(name: string): void {
    const remedy = `kubectl delete mutatingwebhookconfiguration ${name}`;
    this.#options.logger.warn({ remedy }, 'webhook registration stays, remove it unless the service comes back');
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

  registrationWritten(change: string): void {
    this.#options.logger.info({ change }, 'webhook registration written');
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
    this.#configMapEvent({ reason: 'SelfTestFailed', message: `The webhook does not work: ${turn.reason}.` });
  }

  watchRestarted(resource: string, error: unknown): void {
    this.#options.metrics.watchRestarts.inc({ resource });
    this.#options.logger.warn({ resource, error }, 'watch failed, beginning again');
  }

  /** Something that is tried again by itself. @param what for example `pull Secret`. */
  failed(what: string, key: string, error: unknown, retryInMs: number): void {
    this.#options.logger.warn({ what, key, error, retryInMs }, 'not done, trying again');
  }

  #personalByDefault(uid: string | undefined): void {
    this.#options.logger.info({}, 'no registry is configured, so it is the Personal instance of the region');
    const message =
      "acr-registry-info lists nothing: tokens are those of the Personal Edition instance of the cluster's region.";
    this.#configMapEvent({ type: 'Normal', reason: 'PersonalByDefault', message }, uid);
  }

  #configEvent(reason: string, problems: ConfigProblem[], uid: string | undefined): void {
    this.#configMapEvent({ reason, message: problems.map(formatProblem).join('; ') }, uid);
  }

  #configMapEvent(note: Omit<EventNote, 'type'> & { type?: EventNote['type'] }, uid?: string): void {
    const { events, configMap } = this.#options;
    const { apiVersion, kind } = resources.configMaps;
    events.record({ apiVersion, kind, ...configMap, uid }, { type: 'Warning', ...note });
  }
}

const maxKeysShown = 5;

const whyUnusable: Readonly<Record<UnusableReason, string>> = {
  Missing: 'does not exist, or may not be read',
  NoDockerConfig: 'holds no `.dockerconfigjson`',
  Own: 'is one that this service writes',
};

/** Anybody who reaches the port can ask about anything; that makes no series of its own. */
function labelOf(resource: string): string {
  return resource === 'pods' || resource === 'serviceaccounts' ? resource : 'unknown';
}
