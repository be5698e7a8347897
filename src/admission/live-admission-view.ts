import type { Config, RegistryEntry } from '../config/config.ts';
import { credentialOf, type TokensState } from '../credentials/tokens-secret.ts';
import type { Namespace } from '../kube/objects.ts';
import type { ObjectCache } from '../kube/reflector.ts';
import { compileAuthKeys } from '../registry/auth-key-matcher.ts';
import type { MergedAuths } from '../secrets/extra-auths.ts';
import type { PullSecretWriter } from '../secrets/pull-secret-writer.ts';
import { ScopeCache } from '../targets/registry-scope.ts';
import { selectsNamespace, selectsServiceAccount, type ObservedNamespace } from '../targets/target-selector.ts';
import { failurePolicyFor } from '../webhook/reach.ts';
import type { AdmissionView } from './admission-view.ts';
import { managedKeys } from './managed-keys.ts';

export interface LiveAdmissionViewOptions {
  config: () => Config | undefined;
  paused: () => boolean;
  tokens: () => TokensState;
  extraAuths: () => MergedAuths;
  namespaces: Pick<ObjectCache<Namespace, ObservedNamespace>, 'get'>;
  secrets: Pick<PullSecretWriter, 'stateOf'>;
  /** Of the first pull Secret of each namespace. */
  secretName: string;
  ownNamespace: string;
  serverMinor: () => number;
  clusterRegion: () => string | undefined;
  now: () => number;
}

/** What is made once for all namespaces that the same registries are meant for, not for every review. */
interface Scope {
  readonly hasRegistries: boolean;
  readonly managesImage: (image: string) => boolean;
  /** Keys of the registries that had no live token at that time, in milliseconds since the epoch. */
  readonly deadAt: (time: number) => readonly string[];
}

/** Answers from what the watches keep in memory, as it is at the moment of a review. */
export class LiveAdmissionView {
  readonly #options: LiveAdmissionViewOptions;
  readonly #scopes = new ScopeCache<Scope>();

  constructor(options: LiveAdmissionViewOptions) {
    this.#options = options;
  }

  /** Undefined before the first configuration. */
  of(namespace: string): AdmissionView | undefined {
    const { config: configured, paused, namespaces, secrets, secretName, ownNamespace, serverMinor } = this.#options;
    const config = configured();
    if (!config) return undefined;
    // A namespace that no watch has brought yet has only just been made: its name decides.
    const observed = namespaces.get({ name: namespace });
    const { hasRegistries, managesImage, deadAt } = this.#scope(namespace, config);
    const { attach, hasContent, isKnown, foreign } = secrets.stateOf(namespace);
    // Where no registry is meant for the namespace and no Secret of `extra-auths` gives anything, no wait would end.
    const isServed = hasRegistries || hasContent;
    return {
      // While no token is live, the first one is named all the same: it will be there when one is.
      secretNames: attach.includes(secretName) ? attach : [secretName, ...attach],
      failurePolicy: failurePolicyFor(namespace, { config, ownNamespace, serverMinor: serverMinor() }),
      timeoutSeconds: config.webhook.timeoutSeconds,
      paused: paused(),
      isSeen: observed !== undefined,
      isTarget: isServed && selectsNamespace(config, namespace, observed),
      optedOut: observed?.optedOut ?? false,
      terminating: observed?.terminating ?? false,
      foreignSecret: foreign,
      secretKnown: isKnown,
      hasLiveCredential: hasContent,
      deadRegistries: deadAt(this.#options.now()),
      selectsServiceAccount: (name) => selectsServiceAccount(config, name),
      managesImage,
    };
  }

  #scope(namespace: string, config: Config): Scope {
    const { tokens, extraAuths, clusterRegion } = this.#options;
    const [state, extra, region] = [tokens(), extraAuths(), clusterRegion()];
    const sources = [config, state, extra, region];
    return this.#scopes.of(namespace, { registries: config.registries, sources }, (registries) => {
      const known = { tokens: state, extraAuths: extra.auths, clusterRegion: region };
      const keyOfImage = compileAuthKeys(managedKeys(registries, known));
      return {
        hasRegistries: registries.length > 0,
        managesImage: (image) => keyOfImage(image) !== undefined,
        deadAt: deadAt(registries, state),
      };
    });
  }
}

function deadAt(registries: readonly RegistryEntry[], tokens: TokensState): Scope['deadAt'] {
  const expiries = registries.map((entry) => ({
    key: entry.key,
    expiresAt: credentialOf(tokens, entry)?.expiresAt ?? 0,
  }));
  return (time) => expiries.filter(({ expiresAt }) => expiresAt <= time).map(({ key }) => key);
}
