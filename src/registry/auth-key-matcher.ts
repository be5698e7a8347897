import { matchesGlob } from '../glob.ts';
import { parseImageReference, type ImageReference } from './image-reference.ts';

/** A key of a dockerconfigjson's `auths`, taken apart as kubelet does. */
interface AuthKey {
  /** As it is written in the dockerconfigjson. */
  key: string;
  /** Without scheme, `/v1/`, `/v2/` and a lone slash: what kubelet sorts by. */
  location: string;
  /** As it is, or, where there is a glob in it, by its labels. */
  host: string | readonly HostLabel[];
  /** Empty: none given, and then the image has none, either. */
  port: string;
  /** Must begin the image's path. Characters, not components: `/team` opens `/team-b`, too. */
  pathPrefix: string;
}

/** A label that is no glob as it is, another one as what {@link matchesGlob} takes. */
type HostLabel = string | readonly (string | RegExp)[];

/** An image as keys are compared with it. */
interface Image {
  host: string;
  port: string;
  /** From the slash on. */
  path: string;
}

/** More than a DNS name may have: no registry's, and as long as whoever writes a Pod wants. */
const MAX_HOST_LENGTH = 253;

/** Under this host, without a path, the credentials for Docker Hub are kept. */
const dockerHub = 'index.docker.io';

/**
 * Turns the keys of a dockerconfigjson's `auths` into a function that names the key whose credentials kubelet tries first
 * for an image; undefined when none fits. A key that kubelet cannot read fits nothing.
 *
 * As in kubelet: a scheme is ignored, `/v1/` and `/v2/` before the path too; a glob (`*`, `[a-z]`) stands within one label
 * of the host; ports must be equal; the key's path must begin the image's; of several keys, the last in the alphabet is
 * tried first, which is the more specific one.
 * Source: https://kubernetes.io/docs/concepts/containers/images/#config-json and pkg/credentialprovider/keyring.go.
 */
export function compileAuthKeys(keys: Iterable<string>): (image: string) => string | undefined {
  const parsed = [...keys].map(parseAuthKey).filter((key) => key !== undefined);
  parsed.sort((left, right) => Number(left.location < right.location) - Number(left.location > right.location));
  const hubKey = parsed.find(({ location }) => location === dockerHub)?.key;
  return (image) => {
    const reference = parseImageReference(image);
    const [host, port] = splitPort(reference.registry);
    if (host.length > MAX_HOST_LENGTH) return undefined;
    const compared = { host, port, path: `/${reference.repository}` };
    const found = parsed.find((key) => matches(key, compared));
    return found?.key ?? (fallsBackToDockerHub(reference) ? hubKey : undefined);
  };
}

function matches(key: AuthKey, { host, port, path }: Image): boolean {
  return key.port === port && path.startsWith(key.pathPrefix) && matchesHost(key.host, host);
}

function matchesHost(pattern: AuthKey['host'], host: string): boolean {
  if (typeof pattern === 'string') return pattern === host;
  const labels = host.split('.');
  return labels.length === pattern.length && labels.every((label, position) => matchesLabel(pattern[position], label));
}

function matchesLabel(pattern: HostLabel = '', label: string): boolean {
  return typeof pattern === 'string' ? pattern === label : matchesGlob(pattern, label);
}

/** kubelet takes every registry without a dot or a colon for Docker Hub here, `localhost` included. */
function fallsBackToDockerHub({ registry }: ImageReference): boolean {
  return registry === 'docker.io' || !/[.:]/.test(registry);
}

function parseAuthKey(key: string): AuthKey | undefined {
  const [, authority = '', path = ''] = /^(?:https?:\/\/)?([^/?#]*)([^?#]*)/.exec(key) ?? [];
  const registry = authority.slice(authority.lastIndexOf('@') + 1);
  // What Go's net/url accepts as a host; a port must be a number.
  if (!/^[\w\-.~!$&'()*+,;=[\]<>":]*$/.test(registry) || !/^(\[.*\]|[^:]*)(:\d*)?$/.test(registry)) return undefined;
  const pathPrefix = path.replace(/^\/v[12](?=\/)/, '').replace(/^\/$/, '');
  const [host, port] = splitPort(registry);
  const labels = host.split('.').map(compileLabel);
  if (!labels.every((label) => label !== undefined)) return undefined;
  const isGlob = labels.some((label) => typeof label !== 'string');
  return { key, location: registry + pathPrefix, host: isGlob ? labels : host, port, pathPrefix };
}

/** Undefined when a bracket is never closed, or closed at once. */
function compileLabel(label: string): HostLabel | undefined {
  if (!/[*[]/.test(label)) return label;
  const places = label.match(/\[[^\]]+\]|[^[]/g) ?? [];
  if (places.join('') !== label) return undefined;
  try {
    return places.map((place) => (place.length > 1 ? new RegExp(place) : place));
  } catch {
    return undefined;
  }
}

function splitPort(registry: string): [host: string, port: string] {
  if (!registry.includes(':') && !registry.startsWith('[')) return [registry, ''];
  const [, bracketed, plain, port = ''] = /^(?:\[(.*)\]|([^:]*))(?::(\d*))?$/.exec(registry) ?? [];
  return [bracketed ?? plain ?? registry, port];
}
