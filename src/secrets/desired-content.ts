import type { Clock } from '../clock.ts';
import type { Config, RegistryEntry } from '../config/config.ts';
import { loginOf } from '../config/registry-login.ts';
import { listedDomains, type StoredCredential } from '../credentials/refresh-policy.ts';
import { credentialOf, type TokensState } from '../credentials/tokens-secret.ts';
import { ScopeCache } from '../targets/registry-scope.ts';
import type { MergedAuths } from './extra-auths.ts';
import {
  pullSecretContent,
  pullSecretNames,
  staleContent,
  type ContentSources,
  type PullSecretContent,
} from './pull-secret.ts';
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
  tokens: () => TokensState;
  config: () => Pick<Config, 'registries' | 'notifyEmail'> | undefined;
  extraAuths: () => MergedAuths;
  clusterRegion: () => string | undefined;
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

/** What the pull Secrets of each namespace are to hold now: made once for all that get the same registries. */
export class DesiredContent {
  readonly #options: DesiredContentOptions;
  readonly #names: readonly string[];
  readonly #made = new ScopeCache<DesiredSecrets>();

  constructor(options: DesiredContentOptions) {
    this.#options = options;
    this.#names = pullSecretNames(options.secretName);
  }

  /** For a namespace that is a target. */
  of(namespace: string): DesiredSecrets {
    const { clock, config, tokens, extraAuths, clusterRegion } = this.#options;
    const current = config();
    if (!current) return { secrets: [], mayNeed: this.#names };
    const from = { registries: current.registries, sources: [current, tokens(), extraAuths(), clusterRegion()] };
    const make = (entries: readonly RegistryEntry[]) => this.#make(entries, current);
    const made = this.#made.of(namespace, from, make);
    const hasExpired = made.secrets.some(({ content }) => content.expiresAt <= clock.now());
    if (!hasExpired) return made;
    this.#made.clear();
    return this.#made.of(namespace, from, make);
  }

  #make(entries: readonly RegistryEntry[], { notifyEmail: email }: Pick<Config, 'notifyEmail'>): DesiredSecrets {
    const { tokens, extraAuths, clusterRegion, domainsOf, onLeftOut } = this.#options;
    const { generation, since, ...state } = tokens();
    const { auths, isSettled } = extraAuths();
    const credentials = new Map<string, StoredCredential>();
    const withDomains = entries.map((entry) => {
      const credential = credentialOf(state, entry);
      if (credential) credentials.set(entry.key, credential);
      const domains = domainsOf(entry, listedDomains(credential), clusterRegion());
      return { key: entry.key, login: loginOf(entry), domains };
    });
    const { layers, leftOut } = layerEntries(withDomains.map((entry) => ({ ...entry, domains: entry.domains ?? [] })));
    if (leftOut.length > 0) onLeftOut(leftOut);
    const live = { generation, since, credentials };
    const common = { tokens: live, email, isSettled, expectsTokens: entries.length > 0 };
    const secrets = layers.map((layer, index) =>
      this.#secret(index, { ...common, layer, others: index === 0 ? auths : {} }),
    );
    const isCertain = withDomains.every(({ domains }) => domains !== undefined);
    return { secrets, mayNeed: isCertain ? secrets.map(({ name }) => name) : this.#names };
  }

  #secret(index: number, sources: ContentSources): DesiredSecret {
    const { clock, onTooLarge } = this.#options;
    const content = pullSecretContent(sources, clock.now());
    if (content.leftOut.length > 0) onTooLarge(content.leftOut);
    return { name: this.#names[index] ?? '', content, staleHash: staleContent(sources).hash };
  }
}
