import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { RegistryEntry } from '../config/config.ts';
import type { CloudCredentials, CredentialsProvider } from '../identity/credentials-provider.ts';
import type { AcrClient, RegistryTarget } from '../registry/acr-client.ts';
import { personalDomains } from '../registry/registry-host.ts';
import type { StoredCredential } from './refresh-policy.ts';

/** Endpoints change by hand, seldom: a domain added to an instance is served after this long at the latest. */
const DOMAINS_LIFE_MS = 6 * 3_600_000;

export interface CredentialFetcherOptions {
  acr: AcrClient;
  provider: CredentialsProvider;
  /** The cluster's region, for entries that name none. */
  clusterRegion: (signal: AbortSignal) => Promise<string>;
  clock: Clock;
  /** The domains could not be listed anew; those known are kept. */
  onStaleDomains: (entry: RegistryEntry, error: unknown) => void;
}

/** A question to the registry service, complete: whom to ask, for what, and as whom. */
export interface CredentialRequest {
  entry: RegistryEntry;
  target: RegistryTarget;
  credentials: CloudCredentials;
  /** See {@link StoredCredential.source}. */
  source: string;
}

/** Turns a registry entry into a credential: one call for the token, and one for the domains when they are not known. */
export class CredentialFetcher {
  readonly #options: CredentialFetcherOptions;

  constructor(options: CredentialFetcherOptions) {
    this.#options = options;
  }

  /**
   * Makes no call of the registry service.
   * @throws CredentialsError when there is no identity, CodedError when the cluster's region cannot be told.
   */
  async prepare(entry: RegistryEntry, liveUntil: number, signal: AbortSignal): Promise<CredentialRequest> {
    const { provider, clusterRegion } = this.#options;
    const credentials = await provider.credentials(liveUntil, signal);
    const regionId = entry.regionId ?? (await clusterRegion(signal));
    const target = { instanceId: entry.instanceId, regionId };
    // A session's key changes with every session while the account stays the same.
    const account = credentials.securityToken ? provider.source : credentials.accessKeyId;
    const source = createHash('sha256')
      .update(JSON.stringify([target.instanceId, regionId, entry.domains, account]))
      .digest('hex')
      .slice(0, 32);
    return { entry, target, credentials, source };
  }

  /** @param previous what is known of the same question. @throws CloudApiError */
  async fetch(
    request: CredentialRequest,
    previous: StoredCredential | undefined,
    signal: AbortSignal,
  ): Promise<StoredCredential> {
    const { acr, clock } = this.#options;
    const [token, domains] = await Promise.all([
      acr.authorizationToken(request.target, request.credentials, signal),
      this.#domains(request, previous?.source === request.source ? previous : undefined, signal),
    ]);
    return { ...token, issuedAt: clock.now(), source: request.source, ...domains };
  }

  async #domains(
    { entry, target, credentials }: CredentialRequest,
    previous: StoredCredential | undefined,
    signal: AbortSignal,
  ): Promise<Pick<StoredCredential, 'domains' | 'domainsListedAt'>> {
    const { acr, clock, onStaleDomains } = this.#options;
    const { instanceId, regionId } = target;
    if (entry.domains.length > 0) return { domains: [...entry.domains], domainsListedAt: 0 };
    if (!instanceId) return { domains: personalDomains(regionId), domainsListedAt: 0 };
    const now = clock.now();
    if (previous && now - previous.domainsListedAt < DOMAINS_LIFE_MS) {
      return { domains: previous.domains, domainsListedAt: previous.domainsListedAt };
    }
    try {
      return {
        domains: await acr.instanceDomains({ instanceId, regionId }, credentials, signal),
        domainsListedAt: now,
      };
    } catch (error) {
      if (!previous) throw error;
      onStaleDomains(entry, error);
      return { domains: previous.domains, domainsListedAt: previous.domainsListedAt };
    }
  }
}
