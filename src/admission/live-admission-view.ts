import type { RegistryEntry } from '../config/config.ts';
import { credentialOf, type TokensState } from '../credentials/tokens-secret.ts';
import type { Namespace } from '../kube/objects.ts';
import type { ObjectCache } from '../kube/reflector.ts';
import { compileAuthKeys } from '../registry/auth-key-matcher.ts';
import type { LiveSources, PullSecretSources } from '../secrets/pull-secret-sources.ts';
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
  readonly hasRegistries: boolean;
  /** Keys of the registries that had no live token at that time, in milliseconds since the epoch. */
  readonly deadAt: (time: number) => readonly string[];
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
    const { sources: live, paused, namespaces, secrets, secretName, ownNamespace, serverMinor, now } = this.#options;
    const sources = live.current();
    if (!sources) return undefined;
    const { config } = sources;
    // A namespace that no watch has brought yet has only just been made: its name decides.
    const observed = namespaces.get({ name: namespace });
    const { hasRegistries, deadAt, selectsServiceAccount, managesImage } = this.#scopes.of(namespace, sources);
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
      deadRegistries: deadAt(now()),
      selectsServiceAccount,
      managesImage,
    };
  }
}

function makeScope(entries: readonly RegistryEntry[], sources: PullSecretSources): Scope {
  const { config, tokens } = sources;
  const keyOfImage = compileAuthKeys(managedKeys(entries, sources));
  return {
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
