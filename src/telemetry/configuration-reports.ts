import type { ConfigReading } from '../config/config-source.ts';
import type { ConfigProblem } from '../config/config.ts';
import { PAUSE_ANNOTATION } from '../config/pause.ts';
import { formatProblem, quote } from '../config/problem-report.ts';
import { firstNames } from '../first-names.ts';
import type { ObjectRef } from '../kube/resources.ts';
import type { UnusableReason } from '../secrets/extra-auths.ts';
import type { ConfigMapEvents } from './config-map-events.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface ConfigurationReportsOptions {
  logger: Logger;
  metrics: Metrics;
  configMap: Required<ObjectRef>;
  configMapEvents: ConfigMapEvents;
}

/** What becomes of the configuration, and of what it names. */
export class ConfigurationReports {
  readonly #options: ConfigurationReportsOptions;

  constructor(options: ConfigurationReportsOptions) {
    this.#options = options;
  }

  read(reading: ConfigReading, uid: string | undefined): void {
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
        if (reading.warnings.length > 0) this.#problemEvent('ConfigurationWarning', reading.warnings, uid);
        if (reading.personalByDefault) this.#personalByDefault(uid);
        return;
      case 'refused':
        logger.error(
          { configMap: name, problems: reading.problems.map(formatProblem), keepsLastGood: reading.keepsLastGood },
          'configuration refused',
        );
        this.#problemEvent('InvalidConfiguration', reading.problems, uid);
        return;
      case 'missing':
        logger.error({ configMap: name, keepsLastGood: reading.keepsLastGood }, 'there is no ConfigMap: create it');
    }
  }

  tooLarge(): void {
    this.#options.logger.warn({}, 'configuration is too large to be remembered for the next start');
    const message =
      'This configuration is too large to be kept: should it be missing or wrong at the next start, none is in force.';
    this.#options.configMapEvents.record({ reason: 'ConfigurationTooLarge', message });
  }

  paused(isOn: boolean): void {
    const { logger } = this.#options;
    if (isOn) logger.warn({ annotation: PAUSE_ANNOTATION }, 'paused: nothing is written until the annotation goes');
    else logger.warn({ annotation: PAUSE_ANNOTATION }, 'at work again');
  }

  /** One that the service was told to serve; it is looked for again and again. */
  namespaceMissing(namespace: string): void {
    this.#options.logger.warn({ namespace }, 'namespace is not there, or our Role is not there in it');
    const message = `Nothing is done in namespace ${namespace} of --namespaces: it does not exist, or has no Role for this service.`;
    this.#options.configMapEvents.record({ reason: 'NamespaceMissing', message, sameAs: namespace });
  }

  /** What this service takes the place of still runs. */
  officialComponentRuns({ namespace, name }: Required<ObjectRef>): void {
    this.#options.logger.warn({ deployment: `${namespace}/${name}` }, 'the official component runs beside us');
    const message = `Deployment ${namespace}/${name} runs beside acr-credential-injector, and both write the same Secrets: uninstall it.`;
    this.#options.configMapEvents.record({ reason: 'OfficialComponentRunning', message });
  }

  extraAuthsUnusable(name: string, reason: UnusableReason): void {
    const { logger } = this.#options;
    logger.warn({ secret: name, reason }, 'Secret of extra-auths gives nothing');
    const message = `extra-auths names Secret ${name}, which ${whyUnusable[reason]}.`;
    this.#options.configMapEvents.record({ reason: 'ExtraAuthsUnusable', message });
  }

  /** @param keys of entries whose content is nobody's business. */
  extraAuthsUndecodable(name: string, keys: readonly string[]): void {
    const shown = firstNames(keys.map(quote), 5);
    this.#options.logger.warn(
      { secret: name, keys: shown },
      'entries of extra-auths left out, kubelet cannot decode them',
    );
    const message = `extra-auths names Secret ${name}, whose entries for ${shown} kubelet cannot decode: their fields have to be texts, and \`auth\` base64 of username:password.`;
    this.#options.configMapEvents.record({ reason: 'ExtraAuthsUnusable', message });
  }

  extraAuthsTooLarge(keys: readonly string[]): void {
    this.#options.logger.warn({ keys: firstNames(keys, 10) }, 'no room for entries of extra-auths');
    const named = firstNames(keys, 3);
    const message = `extra-auths holds more than a Secret can: left out are ${named}; merge fewer.`;
    this.#options.configMapEvents.record({ reason: 'ExtraAuthsTooLarge', message });
  }

  #personalByDefault(uid: string | undefined): void {
    this.#options.logger.info({}, 'no registry is configured, so it is the Personal instance of the region');
    const message =
      "acr-registry-info lists nothing: tokens are those of the Personal Edition instance of the cluster's region.";
    this.#options.configMapEvents.record({ type: 'Normal', reason: 'PersonalByDefault', message }, uid);
  }

  #problemEvent(reason: string, problems: ConfigProblem[], uid: string | undefined): void {
    this.#options.configMapEvents.record({ reason, message: problems.map(formatProblem).join('; ') }, uid);
  }
}

const whyUnusable: Readonly<Record<UnusableReason, string>> = {
  Missing: 'does not exist, or may not be read',
  NoDockerConfig: 'holds no `.dockerconfigjson`',
  Own: 'is one that this service writes',
};
