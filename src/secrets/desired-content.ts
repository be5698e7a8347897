import type { Clock } from '../clock.ts';
import type { RegistryEntry } from '../config/config.ts';
import { loginOf } from '../config/registry-login.ts';
import { listedDomains, type StoredCredential } from '../credentials/refresh-policy.ts';
import { credentialOf } from '../credentials/tokens-secret.ts';
import { ScopeCache } from '../targets/registry-scope.ts';
import {
  pullSecretContent,
  pullSecretNames,
  staleContent,
  type ContentSources,
  type PullSecretContent,
} from './pull-secret.ts';
import type { LiveSources, PullSecretSources } from './pull-secret-sources.ts';
import { layerEntries, type SecretLayers } from './secret-layers.ts';

/** One pull Secret as a namespace needs it. */
export interface DesiredSecret {
  readonly name: string;
  readonly content: PullSecretContent;
  /** The hash of the content as it was before a token in it expired. */
  readonly staleHash: string;
}

/** The pull Secrets that a namespace needs, in order. */
export interface DesiredSecrets {
  readonly secrets: readonly DesiredSecret[];
  /** The names of all that it may turn out to need: any, before the domains of every registry are known. */
  readonly mayNeed: readonly string[];
}

export interface DesiredContentOptions {
  clock: Clock;
  sources: LiveSources;
  /** The domains that an entry's token opens, given those that were listed last; undefined until they are known. */
  domainsOf: (
    entry: RegistryEntry,
    listed: readonly string[] | undefined,
    clusterRegion: string | undefined,
  ) => readonly string[] | undefined;
  /** Of the first pull Secret. */
  secretName: string;
  /** Logins that no pull Secret has room for. */
  onLeftOut: (leftOut: SecretLayers['leftOut']) => void;
  /** Keys of entries of `extra-auths` that would make a pull Secret too large. */
  onTooLarge: (keys: readonly string[]) => void;
}

/** What is made once for a scope. */
interface Made extends DesiredSecrets {
  /** When the first token in it expires, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What the pull Secrets of each namespace are to hold now: made once for all that get the same registries. */
export class DesiredContent {
  readonly #options: DesiredContentOptions;
  readonly #names: readonly string[];
  readonly #made = new ScopeCache<PullSecretSources, Made>((entries, sources) => this.#make(entries, sources));

  constructor(options: DesiredContentOptions) {
    this.#options = options;
    this.#names = pullSecretNames(options.secretName);
  }

  /** For a namespace that is a target. */
  of(namespace: string): DesiredSecrets {
    const { clock, sources: live } = this.#options;
    const sources = live.current();
    if (!sources) return { secrets: [], mayNeed: this.#names };
    const made = this.#made.of(namespace, sources);
    if (made.expiresAt > clock.now()) return made;
    this.#made.clear();
    return this.#made.of(namespace, sources);
  }

  #make(entries: readonly RegistryEntry[], { config, tokens, extraAuths, clusterRegion }: PullSecretSources): Made {
    const { domainsOf, onLeftOut } = this.#options;
    const { generation, since, ...state } = tokens;
    const { auths, isSettled } = extraAuths;
    const credentials = new Map<string, StoredCredential>();
    const withDomains = entries.map((entry) => {
      const credential = credentialOf(state, entry);
      if (credential) credentials.set(entry.key, credential);
      const domains = domainsOf(entry, listedDomains(credential), clusterRegion);
      return { key: entry.key, login: loginOf(entry), domains };
    });
    const { layers, leftOut } = layerEntries(withDomains.map((entry) => ({ ...entry, domains: entry.domains ?? [] })));
    if (leftOut.length > 0) onLeftOut(leftOut);
    const live = { generation, since, credentials };
    const common = { tokens: live, email: config.notifyEmail, isSettled, expectsTokens: entries.length > 0 };
    const secrets = layers.map((layer, index) =>
      this.#secret(index, { ...common, layer, others: index === 0 ? auths : {} }),
    );
    const isCertain = withDomains.every(({ domains }) => domains !== undefined);
    const mayNeed = isCertain ? secrets.map(({ name }) => name) : this.#names;
    return { secrets, mayNeed, expiresAt: Math.min(...secrets.map(({ content }) => content.expiresAt)) };
  }

  #secret(index: number, sources: ContentSources): DesiredSecret {
    const { clock, onTooLarge } = this.#options;
    const content = pullSecretContent(sources, clock.now());
    if (content.leftOut.length > 0) onTooLarge(content.leftOut);
    return { name: this.#names[index] ?? '', content, staleHash: staleContent(sources).hash };
  }
}
