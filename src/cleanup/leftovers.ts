import { FIELD_MANAGER } from '../kube/field-manager.ts';
import type { Namespace, Secret, ServiceAccount } from '../kube/objects.ts';
import type { ObjectRef } from '../kube/resources.ts';
import { MANAGED_BY_LABEL } from '../secrets/pull-secret.ts';
import { references } from '../targets/service-account-drift.ts';
import { isOptedOut } from '../targets/target-selector.ts';

/** Something that the service made and that is still there. */
export type Leftover =
  | { kind: 'MutatingWebhookConfiguration' | 'Secret'; ref: ObjectRef; uid: string }
  | { kind: 'ServiceAccount'; ref: Required<ObjectRef>; secretNames: readonly string[] };

/** A Secret of a name that the service uses. */
export interface SeenSecret {
  ref: Required<ObjectRef>;
  uid: string;
  isOurs: boolean;
}

/** A ServiceAccount that names some of the pull Secrets. */
export interface SeenServiceAccount {
  ref: Required<ObjectRef>;
  secretNames: readonly string[];
}

/** What a look at the cluster has found. */
export interface Sightings {
  /** The names of namespaces that are on their way out, with all that is in them. */
  terminating: ReadonlySet<string>;
  /** The names of namespaces that could not be looked into. */
  unreadable: readonly string[];
  /** Could some of those be looked into another time? */
  mayBeReadable: boolean;
  registration: { ref: ObjectRef; uid: string } | undefined;
  serviceAccounts: readonly SeenServiceAccount[];
  secrets: readonly SeenSecret[];
}

/**
 * What is to be removed, in this order: what would make something again, what refers to Secrets, Secrets. Somebody else's Secret
 * of our name stays, as do references to it.
 */
export function leftovers({ terminating, registration, serviceAccounts, secrets }: Sightings): Leftover[] {
  const foreign = new Set(secrets.filter(({ isOurs }) => !isOurs).map(({ ref }) => keyOf(ref)));
  const stays = ({ ref }: { ref: Required<ObjectRef> }) => !terminating.has(ref.namespace);
  const dangling = serviceAccounts.filter(stays).map(({ ref, secretNames }) => ({
    kind: 'ServiceAccount' as const,
    ref,
    secretNames: secretNames.filter((name) => !foreign.has(keyOf({ namespace: ref.namespace, name }))),
  }));
  return [
    ...(registration ? [{ kind: 'MutatingWebhookConfiguration' as const, ...registration }] : []),
    ...dangling.filter(({ secretNames }) => secretNames.length > 0),
    ...secrets
      .filter(stays)
      .filter(({ isOurs }) => isOurs)
      .map(({ ref, uid }) => ({ kind: 'Secret' as const, ref, uid })),
  ];
}

/** `Secret default/acr-credential-secret-aggregation` */
export function nameOf({ kind, ref }: Pick<Leftover, 'kind' | 'ref'>): string {
  return `${kind} ${keyOf(ref)}`;
}

export function seenSecret({ metadata }: Secret): SeenSecret {
  const { namespace = '', name = '', uid = '', labels } = metadata;
  return { ref: { namespace, name }, uid, isOurs: labels?.[MANAGED_BY_LABEL] === FIELD_MANAGER };
}

/** @returns undefined when it names none of the Secrets, or is to be left alone. */
export function seenServiceAccount(
  { metadata, imagePullSecrets }: ServiceAccount,
  secretNames: readonly string[],
): SeenServiceAccount | undefined {
  if (isOptedOut(metadata)) return undefined;
  const { namespace = '', name = '' } = metadata;
  const named = secretNames.filter((secretName) => references(imagePullSecrets, secretName));
  return named.length > 0 ? { ref: { namespace, name }, secretNames: named } : undefined;
}

export function isTerminating({ metadata, status }: Namespace): boolean {
  return metadata.deletionTimestamp !== undefined || status?.phase === 'Terminating';
}

function keyOf({ namespace, name }: ObjectRef): string {
  return namespace ? `${namespace}/${name}` : name;
}
