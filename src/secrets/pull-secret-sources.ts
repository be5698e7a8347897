import type { Config } from '../config/config.ts';
import type { TokensState } from '../credentials/tokens-secret.ts';
import type { MergedAuths } from './extra-auths.ts';

/** All that pull Secrets are made from, as it is known at one moment. */
export interface PullSecretSources {
  readonly config: Config;
  readonly tokens: TokensState;
  readonly extraAuths: MergedAuths;
  readonly clusterRegion: string | undefined;
}

export interface LiveSourcesOptions {
  /** Undefined before the first configuration. */
  config: () => Config | undefined;
  tokens: () => TokensState;
  extraAuths: () => MergedAuths;
  clusterRegion: () => string | undefined;
}

/** Knows them as they are now. */
export class LiveSources {
  readonly #options: LiveSourcesOptions;
  #current: PullSecretSources | undefined;

  constructor(options: LiveSourcesOptions) {
    this.#options = options;
  }

  /** The same object for as long as nothing changed: what is made of it can be kept until it is another. */
  current(): PullSecretSources | undefined {
    const known = this.#current;
    const config = this.#options.config();
    if (!config) return undefined;
    const tokens = this.#options.tokens();
    const extraAuths = this.#options.extraAuths();
    const clusterRegion = this.#options.clusterRegion();
    const isKnown =
      known?.config === config &&
      known.tokens === tokens &&
      known.extraAuths === extraAuths &&
      known.clusterRegion === clusterRegion;
    return isKnown ? known : (this.#current = { config, tokens, extraAuths, clusterRegion });
  }
}
