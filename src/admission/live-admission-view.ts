import type { Config, RegistryEntry } from '../config/config.ts';
import { credentialOf, type TokensState } from '../credentials/tokens-secret.ts';
import type { Namespace } from '../kube/objects.ts';
import type { ObjectCache } from '../kube/reflector.ts';
import { compileAuthKeys } from '../registry/auth-key-matcher.ts';
import type { LiveSources, PullSecretSources } from '../secrets/pull-secret-sources.ts';
import type { PullSecretsState } from '../secrets/pull-secrets-state.ts';
import type { PullSecretWriter } from '../secrets/pull-secret-writer.ts';
import { ScopeCache } from '../targets/registry-scope.ts';
import { selectsNamespace, selectsServiceAccount, type ObservedNamespace } from '../targets/target-selector.ts';
import { failurePolicyFor } from '../webhook/reach.ts';
import type { AdmissionView } from './admission-view.ts';
import { managedKeys } from './managed-keys.ts';

export interface LiveAdmissionViewOptions {
  sources: LiveSources;
  paused: () => boolean;
  namespaces: Pick<ObjectCache<Namespace, ObservedNamespace>, 'get'>;
  secrets: Pick<PullSecretWriter, 'stateOf'>;
  /** Of the first pull Secret of each namespace. */
  secretName: string;
  ownNamespace: string;
  serverMinor: () => number;
  now: () => number;
}

/** What is made once for all namespaces that the same registries are meant for, not for every review. */
interface Scope extends Pick<AdmissionView, 'selectsServiceAccount' | 'managesImage'> {
  /** By what a watch last brought of a namespace, and for as long: anybody can ask for others. */
  readonly known: WeakMap<ObservedNamespace, Known>;
  readonly hasRegistries: boolean;
  /** Keys of the registries that had no live token at that time, in milliseconds since the epoch. */
  readonly deadAt: (time: number) => readonly string[];
}

/** What the view of a namespace was made of beside its scope and the namespace itself. */
interface Situation extends Pick<AdmissionView, 'deadRegistries'> {
  readonly state: PullSecretsState;
  readonly paused: boolean;
  readonly serverMinor: number;
}

interface Known extends Situation {
  readonly view: AdmissionView;
}

/** All that the view of a namespace is made of. */
interface Parts extends Situation {
  readonly config: Config;
  readonly scope: Scope;
  readonly observed: ObservedNamespace | undefined;
}

/** Answers from what the watches keep in memory, as it is at the moment of a review. */
export class LiveAdmissionView {
  readonly #options: LiveAdmissionViewOptions;
  readonly #scopes = new ScopeCache<PullSecretSources, Scope>(makeScope);

  constructor(options: LiveAdmissionViewOptions) {
    this.#options = options;
  }

  /** Undefined before the first configuration. */
  of(namespace: string): AdmissionView | undefined {
    const { sources: live, paused, namespaces, secrets, serverMinor, now } = this.#options;
    const sources = live.current();
    if (!sources) return undefined;
    const scope = this.#scopes.of(namespace, sources);
    const observed = namespaces.get({ name: namespace });
    const situation = {
      deadRegistries: scope.deadAt(now()),
      state: secrets.stateOf(namespace),
      paused: paused(),
      serverMinor: serverMinor(),
    };
    const known = observed && scope.known.get(observed);
    if (known && isSame(known, situation)) return known.view;
    const view = this.#make(namespace, { config: sources.config, scope, observed, ...situation });
    if (observed) scope.known.set(observed, { ...situation, view });
    return view;
  }

  #make(namespace: string, parts: Parts): AdmissionView {
    const { secretName, ownNamespace } = this.#options;
    const { config, observed, paused, serverMinor, deadRegistries } = parts;
    const { attach, hasContent, isKnown, foreign } = parts.state;
    const { hasRegistries, selectsServiceAccount, managesImage } = parts.scope;
    // Where no registry is meant for the namespace and no Secret of `extra-auths` gives anything, no wait would end.
    const isServed = hasRegistries || hasContent;
    return {
      // While no token is live, the first one is named all the same: it will be there when one is.
      secretNames: attach.includes(secretName) ? attach : [secretName, ...attach],
      failurePolicy: failurePolicyFor(namespace, { config, ownNamespace, serverMinor }),
      timeoutSeconds: config.webhook.timeoutSeconds,
      paused,
      isSeen: observed !== undefined,
      // A namespace that no watch has brought yet has only just been made: its name decides.
      isTarget: isServed && selectsNamespace(config, namespace, observed),
      optedOut: observed?.optedOut ?? false,
      terminating: observed?.terminating ?? false,
      foreignSecret: foreign,
      secretKnown: isKnown,
      hasLiveCredential: hasContent,
      deadRegistries,
      selectsServiceAccount,
      managesImage,
    };
  }
}

function isSame(one: Situation, other: Situation): boolean {
  return (
    one.deadRegistries === other.deadRegistries &&
    one.state === other.state &&
    one.paused === other.paused &&
    one.serverMinor === other.serverMinor
  );
}

function makeScope(entries: readonly RegistryEntry[], sources: PullSecretSources): Scope {
  const { config, tokens } = sources;
  const keyOfImage = compileAuthKeys(managedKeys(entries, sources));
  return {
    known: new WeakMap(),
    hasRegistries: entries.length > 0,
    selectsServiceAccount: (name) => selectsServiceAccount(config, name),
    managesImage: (image) => keyOfImage(image) !== undefined,
    deadAt: deadAt(entries, tokens),
  };
}

const NONE: readonly string[] = [];

function deadAt(registries: readonly RegistryEntry[], tokens: TokensState): Scope['deadAt'] {
  const expiries = registries.map((entry) => ({
    key: entry.key,
    expiresAt: credentialOf(tokens, entry)?.expiresAt ?? 0,
  }));
  const firstExpiresAt = Math.min(...expiries.map(({ expiresAt }) => expiresAt));
  return (time) =>
    time < firstExpiresAt ? NONE : expiries.filter(({ expiresAt }) => expiresAt <= time).map(({ key }) => key);
}
