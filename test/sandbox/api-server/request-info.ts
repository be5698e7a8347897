import type { ApiResource, ApiResources } from './api-resources.ts';
import type { Verb } from './request-log.ts';
import { methodNotAllowed, NoSuchPath } from './status-error.ts';

/** What a request is about, from its method and path. */
export interface RequestInfo {
  verb: Verb;
  resource: ApiResource;
  subresource: string;
  /** Empty for all namespaces, and for cluster-scoped resources. */
  namespace: string;
  name: string;
}

interface Place {
  apiVersion: string;
  namespace: string;
  plural: string;
  name: string;
  subresource: string;
}

/** Undefined for paths outside of the resource API. Throws a 404 for resources that are not served, a 405 for verbs. */
export function readRequestInfo(
  resources: ApiResources,
  method: string,
  path: string,
  query: URLSearchParams,
): RequestInfo | undefined {
  const place = placeOf(path);
  if (!place) return undefined;
  const { apiVersion, plural, namespace, name, subresource } = place;
  const resource = resources.find(apiVersion, plural);
  if (!resource) throw new NoSuchPath();
  if (namespace !== '' && !resource.namespaced) throw new NoSuchPath();
  if (subresource !== '' && !resource.subresources.includes(subresource)) throw new NoSuchPath();
  const verb = verbOf(method, name, query);
  if (verb === 'create' && resource.namespaced && namespace === '') throw methodNotAllowed();
  return { verb, resource, subresource, namespace, name };
}

function placeOf(path: string): Place | undefined {
  const [root, ...parts] = path.split('/').slice(1).map(decodeURIComponent);
  if (root === 'api' && parts.length > 1) return placeIn(parts[0] ?? '', parts.slice(1));
  if (root === 'apis' && parts.length > 2) return placeIn(`${parts[0]}/${parts[1]}`, parts.slice(2));
  return undefined;
}

function placeIn(apiVersion: string, parts: string[]): Place {
  const isNamespaced =
    parts[0] === 'namespaces' && parts.length > 2 && !['status', 'finalize'].includes(parts[2] ?? '');
  const namespace = isNamespaced ? (parts[1] ?? '') : '';
  const [plural = '', name = '', ...rest] = isNamespaced ? parts.slice(2) : parts;
  return { apiVersion, namespace, plural, name, subresource: rest.join('/') };
}

const verbsOfObjects: Record<string, Verb> = { GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const verbsOfCollections: Record<string, Verb> = { GET: 'list', POST: 'create', DELETE: 'deletecollection' };

function verbOf(method: string, name: string, query: URLSearchParams): Verb {
  const verb = (name === '' ? verbsOfCollections : verbsOfObjects)[method];
  if (!verb) throw methodNotAllowed();
  const isWatch = ['true', '1'].includes(query.get('watch') ?? '');
  return verb === 'list' && isWatch ? 'watch' : verb;
}
