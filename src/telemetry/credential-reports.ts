import { maxAccountsPerDomain } from '../config/account-limit.ts';
import type { RefreshReason } from '../credentials/refresh-policy.ts';
import type { RegistryCredential } from '../credentials/registry-credential.ts';
import { CodedError } from '../errors.ts';
import type { SecretLayers } from '../secrets/secret-layers.ts';
import type { ConfigMapEvents } from './config-map-events.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface CredentialReportsOptions {
  logger: Logger;
  metrics: Metrics;
  configMapEvents: ConfigMapEvents;
}

/** What becomes of the tokens, in no case the tokens. */
export class CredentialReports {
  readonly #options: CredentialReportsOptions;

  constructor(options: CredentialReportsOptions) {
    this.#options = options;
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
    this.#options.configMapEvents.record({ reason: 'TokenNotRenewed', message, sameAs });
  }

  /** A later version was here; what this one obtains is lost with its process. */
  tokensLeftToNewer(): void {
    this.#options.logger.warn({}, 'tokens Secret is of a later version and left alone, tokens are kept in memory');
  }

  domainsNotListed(registry: string, error: unknown): void {
    this.#options.logger.warn({ registry, error }, 'domains of the instance not listed anew, keeping those known');
  }

  /** More logins on one domain than there are pull Secrets, which is known only now that all domains are. */
  loginsLeftOut(leftOut: SecretLayers['leftOut']): void {
    this.#options.logger.error({ leftOut }, 'too many accounts on one domain, some are left out');
    const named = leftOut.map(({ key, domain }) => `${key} on ${domain}`).join(', ');
    const message = `More than ${maxAccountsPerDomain} accounts on one domain, left out: ${named}; keep them apart by \`namespaces\`.`;
    this.#options.configMapEvents.record({ reason: 'TooManyAccounts', message });
  }
}
