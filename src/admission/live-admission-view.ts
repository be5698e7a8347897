import type { Config } from '../config/config.ts';
import { credentialOf, type TokensState } from '../credentials/tokens-secret.ts';
import type { Namespace } from '../kube/objects.ts';
import type { Reflector } from '../kube/reflector.ts';
import { compileAuthKeys } from '../registry/auth-key-matcher.ts';
import { managedDomains } from '../registry/managed-domains.ts';
import type { DesiredContent } from '../secrets/desired-content.ts';
import type { PullSecretWriter } from '../secrets/pull-secret-writer.ts';
import { selectsNamespace, selectsServiceAccount, type ObservedNamespace } from '../targets/target-selector.ts';
import { failurePolicyFor } from '../webhook/reach.ts';
import type { AdmissionView } from './admission-view.ts';

export interface LiveAdmissionViewOptions {
  config: () => Config | undefined;
  tokens: () => TokensState;
  desired: Pick<DesiredContent, 'current'>;
  namespaces: Pick<Reflector<Namespace, ObservedNamespace>, 'get'>;
  secrets: Pick<PullSecretWriter, 'isKnown' | 'foreign'>;
  secretName: string;
  ownNamespace: string;
  serverMinor: () => number;
  clusterRegion: () => string | undefined;
  now: () => number;
}

/** Answers from what the watches keep in memory, as it is at the moment of a review. */
export class LiveAdmissionView {
  readonly #options: LiveAdmissionViewOptions;
  #matcher:
    | { config: Config; tokens: TokensState; region: string | undefined; matches: (image: string) => boolean }
    | undefined;

  constructor(options: LiveAdmissionViewOptions) {
    this.#options = options;
  }

  /** Undefined before the first configuration. */
  of(namespace: string): AdmissionView | undefined {
    const { config, desired, namespaces, secrets, secretName, ownNamespace, serverMinor } = this.#options;
    const current = config();
    if (!current) return undefined;
    // A namespace that no watch has brought yet has only just been made: its name decides.
    const observed = namespaces.get(namespace);
    return {
      secretName,
      failurePolicy: failurePolicyFor(namespace, { config: current, ownNamespace, serverMinor: serverMinor() }),
      timeoutSeconds: current.webhook.timeoutSeconds,
      isTarget: selectsNamespace(current, namespace, observed),
      optedOut: observed?.optedOut ?? false,
      terminating: observed?.terminating ?? false,
      foreignSecret: secrets.foreign(namespace),
      secretKnown: secrets.isKnown(namespace),
      hasLiveCredential: desired.current() !== undefined,
      deadRegistries: this.#deadRegistries(current),
      selectsServiceAccount: (name) => selectsServiceAccount(current, name),
      managesImage: (image) => this.#matches(current)(image),
    };
  }

  #deadRegistries({ registries }: Config): string[] {
    const { tokens, now } = this.#options;
    const state = tokens();
    return registries.map(({ key }) => key).filter((key) => (credentialOf(state, key)?.expiresAt ?? 0) <= now());
  }

  /** Compiled once for a configuration and a state of the tokens, not for every Pod. */
  #matches(config: Config): (image: string) => boolean {
    const tokens = this.#options.tokens();
    const region = this.#options.clusterRegion();
    const known = this.#matcher;
    if (known?.config === config && known.tokens === tokens && known.region === region) return known.matches;
    const domains = managedDomains(config.registries, (key) => credentialOf(tokens, key)?.domains, region);
    const keyOfImage = compileAuthKeys(domains);
    const matches = (image: string) => keyOfImage(image) !== undefined;
    this.#matcher = { config, tokens, region, matches };
    return matches;
  }
}
