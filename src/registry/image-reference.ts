/** Where a container runtime pulls an image from. */
export interface ImageReference {
  /** `host` or `host:port`. */
  registry: string;
  /** The path within the registry, without tag and digest. */
  repository: string;
}

const defaultRegistry = 'docker.io';

/**
 * Resolves an image reference as container runtimes do: the part before the first slash is a registry if it has a dot, a
 * colon or a capital letter, or is `localhost`; everything else is on Docker Hub. Does not judge whether a registry
 * could hold such an image.
 * Source: https://github.com/distribution/reference (normalize.go).
 */
export function parseImageReference(image: string): ImageReference {
  const digest = image.indexOf('@');
  const name = stripTag(digest < 0 ? image : image.slice(0, digest));
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  if (slash < 0 || !isRegistry(first)) return onDockerHub(name);
  const repository = name.slice(slash + 1);
  return first === defaultRegistry || first === 'index.docker.io'
    ? onDockerHub(repository)
    : { registry: first, repository };
}

function isRegistry(component: string): boolean {
  return /[.:]/.test(component) || component === 'localhost' || component !== component.toLowerCase();
}

function onDockerHub(repository: string): ImageReference {
  return { registry: defaultRegistry, repository: repository.includes('/') ? repository : `library/${repository}` };
}

/** A colon before the last slash belongs to a port. */
function stripTag(name: string): string {
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return colon < 0 ? name : name.slice(0, colon);
}
