import { randomInt, randomUUID } from 'node:crypto';
import { asMap, without } from './api-object.ts';
import type { ApiMetadata, ApiObject, JsonMap } from './api-object.ts';
import type { ApiResource } from './api-resources.ts';

export interface Birth {
  creationTimestamp: string;
  /** The minor version of Kubernetes. */
  minor: number;
  isTaken: (name: string) => boolean;
}

const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** An admitted object with what the server adds: a name where one is to be generated, an identity, a beginning. */
export function newObject(
  place: { resource: ApiResource; namespace: string },
  object: ApiObject,
  birth: Birth,
): ApiObject {
  const { generateName = '', name = '', ...others } = object.metadata;
  const metadata: ApiMetadata = {
    name: name === '' && generateName !== '' ? generate(generateName, birth.isTaken) : name,
    ...(generateName !== '' && { generateName }),
    ...others,
    ...(place.resource.namespaced && { namespace: place.namespace }),
    uid: randomUUID(),
    creationTimestamp: birth.creationTimestamp,
    ...(place.resource.hasGeneration && { generation: 1 }),
  };
  if (object.kind === 'Namespace' && birth.minor >= 21) labelWithName(metadata);
  return { ...without(object, 'status'), metadata, ...initialState(object) };
}

function labelWithName(metadata: ApiMetadata): void {
  metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name ?? '' };
}

function generate(prefix: string, isTaken: (name: string) => boolean): string {
  for (;;) {
    const suffix = Array.from({ length: 5 }, () => nameAlphabet[randomInt(nameAlphabet.length)]).join('');
    const name = prefix.slice(0, 58) + suffix;
    if (!isTaken(name)) return name;
  }
}

function initialState({ kind, spec, status }: ApiObject): JsonMap {
  switch (kind) {
    case 'Namespace':
      return { spec: { ...asMap(spec), finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
    case 'Pod':
      return { status: { phase: 'Pending', qosClass: 'BestEffort' } };
    case 'Deployment':
      return { status: {} };
    default:
      return status === undefined ? {} : { status };
  }
}
