import type { SecretReferences } from '../targets/secret-references.ts';
import type { DesiredSecrets } from './desired-content.ts';
import { foreignReason, type ForeignReason, type ObservedSecret } from './secret-drift.ts';

/** What is known of a namespace's pull Secrets, all of them together. */
export interface PullSecretsState extends SecretReferences {
  /** Is there anything for them to hold? */
  readonly hasContent: boolean;
  /** Is each one that has something to hold there, whatever it holds? Reconciliation sees to that. */
  readonly isKnown: boolean;
  /** Why the first one is not ours to write, or null: that stands for the namespace. */
  readonly foreign: ForeignReason | null;
}

/** Makes the states, each once for all namespaces that need the same and have it alike. */
export class PullSecretsStates {
  readonly #made = new WeakMap<DesiredSecrets, Map<string, PullSecretsState>>();

  /** @param observed the Secret of that name in the namespace. @returns the same object where nothing of it differs. */
  of(desired: DesiredSecrets, observed: (name: string) => ObservedSecret | undefined): PullSecretsState {
    let kinds = '';
    for (const { name } of desired.secrets) kinds += `${kindOf(observed(name))} `;
    const siblings = this.#made.get(desired) ?? new Map<string, PullSecretsState>();
    const known = siblings.get(kinds);
    if (known) return known;
    const state = pullSecretsState(desired, observed);
    this.#made.set(desired, siblings.set(kinds, state));
    return state;
  }
}

/** All that a state depends on. */
function kindOf(secret: ObservedSecret | undefined): ForeignReason | 'Ours' | 'None' {
  return secret ? (foreignReason(secret) ?? 'Ours') : 'None';
}

/** @param observed the Secret of that name in the namespace. */
export function pullSecretsState(
  { secrets, mayNeed }: DesiredSecrets,
  observed: (name: string) => ObservedSecret | undefined,
): PullSecretsState {
  const each = secrets.map(({ name, content }) => {
    const secret = observed(name);
    const foreign = foreignReason(secret);
    return { name, isLive: !content.isEmpty, isOurs: secret !== undefined && foreign === null, foreign };
  });
  const hasContent = each.some(({ isLive }) => isLive);
  const foreign = each[0]?.foreign ?? null;
  // One of ours that lacks a token for now will have one again.
  const named = each.filter((secret) => secret.isOurs || (secret.isLive && secret.foreign === null));
  return {
    hasContent,
    isKnown: hasContent && each.every(({ isLive, isOurs }) => isOurs || !isLive),
    foreign,
    attach: hasContent && foreign === null ? named.map(({ name }) => name) : [],
    keep: mayNeed,
  };
}
