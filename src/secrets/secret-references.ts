import type { SecretReferences } from '../targets/secret-references.ts';
import type { DesiredSecrets } from './desired-content.ts';

/** What is known of a namespace's Secrets that have the names of pull Secrets. */
export interface KnownSecrets {
  /** Of all pull Secrets that a namespace could have, in order. */
  readonly names: readonly string[];
  /** Is the Secret of that name somebody else's? */
  isForeign: (name: string) => boolean;
  /** Is there one of ours? */
  isKnown: (name: string) => boolean;
}

export function secretReferences(
  { secrets, isComplete }: DesiredSecrets,
  { names, isForeign, isKnown }: KnownSecrets,
): SecretReferences {
  // What may turn out to be needed is left where it is.
  const keep = isComplete ? secrets.map(({ name }) => name) : names;
  const [first = ''] = names;
  const isLive = secrets.some(({ content }) => !content.isEmpty);
  if (!isLive || isForeign(first)) return { attach: [], keep };
  const there = secrets.filter(({ name, content }) => !isForeign(name) && (!content.isEmpty || isKnown(name)));
  return { attach: there.map(({ name }) => name), keep };
}
