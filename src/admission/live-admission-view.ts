import type { Config, RegistryEntry } from '../config/config.ts';
import { credentialOf, type TokensState } from '../credentials/tokens-secret.ts';
import type { Namespace } from '../kube/objects.ts';
import type { ObjectCache } from '../kube/reflector.ts';
import { compileAuthKeys } from '../registry/auth-key-matcher.ts';
import type { MergedAuths } from '../secrets/extra-auths.ts';
import type { PullSecretWriter } from '../secrets/pull-secret-writer.ts';
import { registriesFor } from '../targets/registry-scope.ts';
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
  secrets: Pick<PullSecretWriter, 'isKnown' | 'foreign' | 'references' | 'hasContent'>;
  /** Of the first pull Secret of each namespace. */
  secretName: string;
  ownNamespace: string;
  serverMinor: () => number;
  clusterRegion: () => string | undefined;
  now: () => number;
}

type Sources = readonly [Config, TokensState, MergedAuths, string?];

/** What is made once for all namespaces that the same registries are meant for, not for every review. */
interface Scope {
  readonly managesImage: (image: string) => boolean;
  /** When the token of each registry expires, in milliseconds since the epoch; 0: there is none. */
  readonly expiries: readonly { key: string; expiresAt: number }[];
}

/** Answers from what the watches keep in memory, as it is at the moment of a review. */
export class LiveAdmissionView {
  readonly #options: LiveAdmissionViewOptions;
  #sources: Sources | undefined;
  /** By the keys of the registries that are meant for the namespace. */
  readonly #scopes = new Map<string, Scope>();

  constructor(options: LiveAdmissionViewOptions) {
    this.#options = options;
  }

  /** Undefined before the first configuration. */
  of(namespace: string): AdmissionView | undefined {
    const { config, paused, namespaces, secrets, ownNamespace, serverMinor, now } = this.#options;
    const current = config();
    if (!current) return undefined;
    // A namespace that no watch has brought yet has only just been made: its name decides.
    const observed = namespaces.get(namespace);
    const registries = registriesFor(current.registries, namespace);
    const { managesImage, expiries } = this.#scope(current, registries);
    const time = now();
    const secretKnown = secrets.isKnown(namespace);
    return {
      secretNames: this.#secretNames(namespace),
      failurePolicy: failurePolicyFor(namespace, { config: current, ownNamespace, serverMinor: serverMinor() }),
      timeoutSeconds: current.webhook.timeoutSeconds,
      paused: paused(),
      isSeen: observed !== undefined,
      isTarget: selectsNamespace(current, namespace, observed) && this.#hasAnythingFor(namespace, registries),
      optedOut: observed?.optedOut ?? false,
      terminating: observed?.terminating ?? false,
      foreignSecret: secrets.foreign(namespace),
      secretKnown,
      hasLiveCredential: secretKnown || secrets.hasContent(namespace),
      deadRegistries: expiries.filter(({ expiresAt }) => expiresAt <= time).map(({ key }) => key),
      selectsServiceAccount: (name) => selectsServiceAccount(current, name),
      managesImage,
    };
  }

  /** Where no registry is meant for the namespace and no Secret of `extra-auths` gives anything, no wait would end. */
  #hasAnythingFor(namespace: string, registries: readonly RegistryEntry[]): boolean {
    return registries.length > 0 || this.#options.secrets.hasContent(namespace);
  }

  /** While no token is live, the first one is named all the same: it will be there when one is. */
  #secretNames(namespace: string): readonly string[] {
    const { secrets, secretName } = this.#options;
    const { attach } = secrets.references(namespace);
    return attach.includes(secretName) ? attach : [secretName, ...attach];
  }

  #scope(config: Config, registries: readonly RegistryEntry[]): Scope {
    const { tokens, extraAuths, clusterRegion } = this.#options;
    const sources: Sources = [config, tokens(), extraAuths(), clusterRegion()];
    if (!this.#sources?.every((source, index) => source === sources[index])) this.#scopes.clear();
    this.#sources = sources;
    const name = registries === config.registries ? '' : registries.map(({ key }) => key).join(' ');
    const known = this.#scopes.get(name);
    if (known) return known;
    const [, state, { auths }, region] = sources;
    const keyOfImage = compileAuthKeys(
      managedKeys(registries, { tokens: state, extraAuths: auths, clusterRegion: region }),
    );
    const scope: Scope = {
      managesImage: (image) => keyOfImage(image) !== undefined,
      expiries: registries.map((entry) => ({ key: entry.key, expiresAt: credentialOf(state, entry)?.expiresAt ?? 0 })),
    };
    this.#scopes.set(name, scope);
    return scope;
  }
}
