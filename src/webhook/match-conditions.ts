import type { MutatingWebhook } from '../kube/objects.ts';

export type MatchConditions = NonNullable<MutatingWebhook['matchConditions']>;

const KNOWN_SINCE_MINOR = 30;
/** Comparisons that one expression may make: the API server ends one that costs more than a million, which `Fail` answers with a refusal. */
const MAX_COMPARISONS = 500_000;

/** With a host of a dot or more, and perhaps a port, an image's text up to the first slash tells that the key is for it. */
const PLAIN_KEY = /^(?:https?:\/\/)?((?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+(?::\d+)?)\/?$/;
/** Also for images that name no registry. */
const DOCKER_HUB = /^(?:index\.)?docker\.io$/;

/**
 * Under which conditions a Pod's creation comes to the webhook: one of its images is of a registry that we have a login for.
 * Undefined when a condition could keep away a Pod that is to be patched: where a key is a glob, has a path or stands for
 * Docker Hub, and where no key is known.
 *
 * The expression must be total, as an error in it is answered by the failure policy: of what a Pod may lack nothing is taken for
 * granted, and of a Pod with more images than the budget allows to compare the webhook decides.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions
 *
 * @param keys of the `auths` that we write, or would write, in any namespace.
 */
export function podMatchConditions(keys: Iterable<string>): MatchConditions | undefined {
  const registries = new Set<string>();
  for (const key of keys) {
    const [, registry = ''] = PLAIN_KEY.exec(key) ?? [];
    if (registry === '' || DOCKER_HUB.test(registry)) return undefined;
    registries.add(registry);
  }
  if (registries.size === 0) return undefined;
  const list = [...registries].sort().map((registry) => `'${registry}'`);
  const most = Math.floor(MAX_COMPARISONS / registries.size);
  const isManaged = `image.split('/')[0] in [${list.join(', ')}]`;
  const expression = `has(object.spec) && [${allImages}].exists(images, size(images) > ${most} || images.exists(image, ${isManaged}))`;
  return [{ name: 'managed-image', expression }];
}

/** A server that knows conditions may still be told not to keep them: see what it stored. */
export function knowsMatchConditions(serverMinor: number): boolean {
  return serverMinor >= KNOWN_SINCE_MINOR;
}

const allImages = [
  imagesIn('containers', 'has(x.image)', 'x.image'),
  imagesIn('initContainers', 'has(x.image)', 'x.image'),
  imagesIn('ephemeralContainers', 'has(x.image)', 'x.image'),
  imagesIn('volumes', 'has(x.image) && has(x.image.reference)', 'x.image.reference'),
].join(' + ');

/** A field that is left out is not there, or null. */
function imagesIn(field: string, isThere: string, image: string): string {
  const list = `object.spec.${field}`;
  return `(has(${list}) && ${list} != null ? ${list}.map(x, ${isThere}, ${image}) : [])`;
}
