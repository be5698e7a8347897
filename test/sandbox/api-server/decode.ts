import { asMap, asMaps, asText, isMap } from './api-object.ts';
import type { ApiObject, JsonMap } from './api-object.ts';
import type { ApiResource } from './api-resources.ts';
import { setDefaults } from './defaults.ts';
import { badRequest } from './status-error.ts';

/** What the server's version makes of a body. */
export interface DecodeRules {
  /** The minor version of Kubernetes. */
  minor: number;
}

/** A body as the API server understands it: checked for its kind, without nulls, with the defaults of its kind. */
export function decode(resource: ApiResource, body: unknown, { minor }: DecodeRules): ApiObject {
  if (!isMap(body)) throw badRequest('the object provided is unrecognized: it is no JSON object');
  refuseOtherKind(resource, body);
  const clean = withoutAbsent(body) as JsonMap;
  const object: ApiObject = {
    ...clean,
    kind: resource.kind,
    apiVersion: resource.apiVersion,
    metadata: asMap(clean.metadata),
  };
  if (resource.kind === 'Secret') decodeSecret(object);
  if (minor < 28) dropMatchConditions(object);
  setDefaults(object);
  return object;
}

function refuseOtherKind({ kind, apiVersion }: ApiResource, body: JsonMap): void {
  const sentKind = asText(body.kind ?? kind);
  const sentVersion = asText(body.apiVersion ?? apiVersion);
  if (sentKind === kind && sentVersion === apiVersion) return;
  const version = sentVersion.slice(sentVersion.indexOf('/') + 1);
  throw badRequest(
    `${sentKind} in version "${version}" cannot be handled as a ${kind}: no kind "${sentKind}" is registered for version "${sentVersion}"`,
  );
}

// Maps that are left out when empty. Other empty maps, as `securityContext: {}`, say something.
const leftOutEmpty = ['labels', 'annotations', 'data', 'binaryData', 'matchLabels', 'nodeSelector'];

/** Without the fields that are as good as absent: nulls, empty lists, empty maps of labels and the like. */
export function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (!isMap(value)) return value;
  const fields = Object.entries(value).filter(([field, inner]) => !isAbsent(field, inner));
  return Object.fromEntries(fields.map(([field, inner]) => [field, withoutAbsent(inner)]));
}

function isAbsent(field: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0 && field !== 'managedFields';
  if (isMap(value)) return leftOutEmpty.includes(field) && Object.keys(value).length === 0;
  return value === null || value === undefined;
}

function decodeSecret(secret: ApiObject): void {
  const data = { ...asMap(secret.data) };
  for (const [key, value] of Object.entries(data)) {
    if (typeof value !== 'string' || Buffer.from(value, 'base64').toString('base64') !== value) {
      const why = 'v1.Secret.Data: base64Codec: invalid input';
      throw badRequest(`Secret in version "v1" cannot be handled as a Secret: ${why} (key ${JSON.stringify(key)})`);
    }
  }
  for (const [key, value] of Object.entries(asMap(secret.stringData))) {
    data[key] = Buffer.from(String(value)).toString('base64');
  }
  delete secret.stringData;
  if (Object.keys(data).length > 0) secret.data = data;
}

/** Servers before 1.28 do not know the field, and drop it as they drop every unknown one. */
function dropMatchConditions({ webhooks }: ApiObject): void {
  for (const webhook of asMaps(webhooks)) delete webhook.matchConditions;
}
