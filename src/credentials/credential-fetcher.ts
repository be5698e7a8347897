import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { RegistryEntry } from '../config/config.ts';
import type { CloudCredentials } from '../openapi/cloud-credentials.ts';
import type { CredentialsProvider } from '../identity/credentials-provider.ts';
import type { AcrClient, RegistryTarget } from '../registry/acr-client.ts';
import { refusesCredentials } from '../openapi/api-failure.ts';
import { instanceIdOf } from '../registry/instance-name.ts';
import { personalDomains } from '../registry/registry-host.ts';
import { listedDomains, livesLonger, type StoredCredential } from './refresh-policy.ts';

/** Endpoints change by hand, seldom: a domain added to an instance is served after this long at the latest. */
const DOMAINS_LIFE_MS = 6 * 3_600_000;

export interface CredentialFetcherOptions {
  acr: AcrClient;
  /** Whose credentials an entry's token is asked for with, as things are now. */
  providerFor: (entry: RegistryEntry, signal: AbortSignal) => CredentialsProvider | Promise<CredentialsProvider>;
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
  provider: CredentialsProvider;
  /** Milliseconds since the epoch. */
  liveUntil: number;
  /** See {@link StoredCredential.source}. */
  source: string;
}

/** A request, and the credentials to sign it with. */
type Question = CredentialRequest & { credentials: CloudCredentials };

/** Turns a registry entry into a credential: one call for the token, and one for the domains when they are not known. */
export class CredentialFetcher {
  readonly #options: CredentialFetcherOptions;

  constructor(options: CredentialFetcherOptions) {
    this.#options = options;
  }

  /**
   * Makes no call of the cloud but for the cluster's region.
   * @param liveUntil what a session that is to ask should outlast, see {@link sessionNeededUntil}.
   * @throws CodedError when that cannot be told.
   */
  async prepare(entry: RegistryEntry, liveUntil: number, signal: AbortSignal): Promise<CredentialRequest> {
    const { providerFor, clusterRegion } = this.#options;
    const provider = await providerFor(entry, signal);
    const regionId = entry.regionId ?? (await clusterRegion(signal));
    const target = { instanceId: entry.instanceId, regionId };
    const source = createHash('sha256')
      .update(JSON.stringify([entry.instanceId ?? entry.instanceName, regionId, provider.account]))
      .digest('hex')
      .slice(0, 32);
    return { entry, target, provider, liveUntil, source };
  }

  /**
   * @param previous what is known of the entry; it comes back as it is where a new token would live no longer, as it would end
   * with the same session.
   * @throws CredentialsError when there is no identity; CloudApiError
   */
  async fetch(
    request: CredentialRequest,
    previous: StoredCredential | undefined,
    signal: AbortSignal,
  ): Promise<StoredCredential> {
    const { entry, provider, liveUntil, source } = request;
    const known = previous?.source === source && hasDomains(previous, entry) ? previous : undefined;
    const credentials = await provider.credentials(liveUntil, signal);
    if (known && !livesLonger(credentials, known, this.#options.clock.now())) return known;
    try {
      return await this.#ask({ ...request, credentials }, known, signal);
    } catch (error) {
      if (refusesCredentials(error)) provider.forget(credentials);
      throw error;
    }
  }

  async #ask(question: Question, known: StoredCredential | undefined, signal: AbortSignal): Promise<StoredCredential> {
    const { acr, clock } = this.#options;
    const target = await this.#target(question, signal);
    const [token, domains] = await Promise.all([
      acr.authorizationToken(target, question.credentials, signal),
      this.#domains({ ...question, target }, known, signal),
    ]);
    return { ...token, issuedAt: clock.now(), source: question.source, ...domains };
  }

  /** An instance that is known by its name alone has to be looked up first. */
  async #target({ entry, target, credentials }: Question, signal: AbortSignal): Promise<RegistryTarget> {
    const { instanceName: name } = entry;
    if (name === undefined) return target;
    const { regionId } = target;
    return { regionId, instanceId: await instanceIdOf({ name, regionId }, this.#options.acr, credentials, signal) };
  }

  async #domains(
    { entry, target, credentials }: Question,
    previous: StoredCredential | undefined,
    signal: AbortSignal,
  ): Promise<Pick<StoredCredential, 'domains' | 'domainsListedAt'>> {
    const { acr, clock, onStaleDomains } = this.#options;
    const { instanceId, regionId } = target;
    const now = clock.now();
    if (!instanceId) return { domains: personalDomains(regionId), domainsListedAt: now };
    if (entry.domains.length > 0) return { domains: [], domainsListedAt: 0 };
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

/** Is every domain known that the entry is to open with the credential? */
export function hasDomains(credential: StoredCredential, entry: Pick<RegistryEntry, 'domains'>): boolean {
  return entry.domains.length > 0 || listedDomains(credential) !== undefined;
}
