import type { Clock } from '../clock.ts';
import type { RegistryEntry } from '../config/config.ts';
import type { TokensState } from '../credentials/tokens-secret.ts';
import { pullSecretContent, staleContent, type PullSecretContent } from './pull-secret.ts';

export interface Desired {
  content: PullSecretContent;
  /** The hash of the content as it was before a token in it expired. */
  staleHash: string | undefined;
}

export interface DesiredContentOptions {
  clock: Clock;
  tokens: () => TokensState;
  registries: () => readonly RegistryEntry[];
}

/** What every pull Secret is to hold now: made once, not for every namespace and every review. */
export class DesiredContent {
  readonly #options: DesiredContentOptions;
  #tokens: TokensState | undefined;
  #registries: readonly RegistryEntry[] | undefined;
  #validUntil = 0;
  #desired: Desired | undefined;

  constructor(options: DesiredContentOptions) {
    this.#options = options;
  }

  /** Undefined while there is no live token. */
  current(): Desired | undefined {
    const { clock, tokens, registries } = this.#options;
    const now = clock.now();
    if (this.#tokens !== tokens() || this.#registries !== registries() || now >= this.#validUntil) {
      this.#tokens = tokens();
      this.#registries = registries();
      this.#make(this.#tokens, this.#registries, now);
    }
    return this.#desired;
  }

  #make(tokens: TokensState, registries: readonly RegistryEntry[], now: number): void {
    const keys = registries.map(({ key }) => key);
    const content = pullSecretContent(tokens, keys, now);
    this.#desired = content && { content, staleHash: staleContent(tokens, keys)?.hash };
    this.#validUntil = content?.expiresAt ?? Number.POSITIVE_INFINITY;
  }
}
