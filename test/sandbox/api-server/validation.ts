import { isDeepStrictEqual } from 'node:util';
import { asMap, asMaps, asText, copyOf, without } from './api-object.ts';
import type { ApiObject, JsonMap } from './api-object.ts';
import type { ApiResource } from './api-resources.ts';
import { invalid } from './status-error.ts';
import type { FieldError } from './status-error.ts';
import { webhookErrors } from './webhook-validation.ts';

/** Throws a 422 Invalid that names everything wrong with a new object. */
export function validateNew(resource: ApiResource, object: ApiObject): void {
  refuse(resource, object, [...nameErrors(object), ...contentErrors(object)]);
}

/** Throws a 422 Invalid that names everything wrong with a change. */
export function validateChange(resource: ApiResource, before: ApiObject, after: ApiObject): void {
  refuse(resource, after, [...changeErrors(before, after), ...contentErrors(after)]);
}

function refuse(resource: ApiResource, object: ApiObject, errors: FieldError[]): void {
  if (errors.length > 0) throw invalid(resource, object.metadata.name ?? '', errors);
}

export function fieldError(kind: 'Invalid' | 'Required' | 'Forbidden', field: string, why: string): FieldError {
  const message = {
    Invalid: `Invalid value: ${why}`,
    Required: `Required value: ${why}`,
    Forbidden: `Forbidden: ${why}`,
  };
  return { reason: `FieldValue${kind}`, field, message: message[kind].replace(/: $/, '') };
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const freelyNamed = ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];

function nameErrors({ kind, metadata: { name = '' } }: ApiObject): FieldError[] {
  if (name === '') return [fieldError('Required', 'metadata.name', 'name or generateName is required')];
  if (freelyNamed.includes(kind)) return [];
  if (name.length <= 253 && subdomain.test(name)) return [];
  const why = 'a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "-" or "."';
  return [fieldError('Invalid', 'metadata.name', `${JSON.stringify(name)}: ${why}`)];
}

function contentErrors(object: ApiObject): FieldError[] {
  switch (object.kind) {
    case 'Secret':
      return secretErrors(object);
    case 'Pod':
      return podErrors(asMap(object.spec), 'spec');
    case 'Deployment':
      return podErrors(asMap(asMap(asMap(object.spec).template).spec), 'spec.template.spec');
    case 'MutatingWebhookConfiguration':
      return webhookErrors(asMaps(object.webhooks));
    default:
      return [];
  }
}

function secretErrors({ type, data }: ApiObject): FieldError[] {
  if (type !== 'kubernetes.io/dockerconfigjson') return [];
  const value = asMap(data)['.dockerconfigjson'];
  if (typeof value !== 'string') return [fieldError('Required', 'data[.dockerconfigjson]', '')];
  try {
    JSON.parse(Buffer.from(value, 'base64').toString());
    return [];
  } catch {
    const why = '"<secret contents redacted>": invalid character in the JSON';
    return [fieldError('Invalid', 'data[.dockerconfigjson]', why)];
  }
}

function podErrors(spec: JsonMap, path: string): FieldError[] {
  const containers = asMaps(spec.containers);
  if (containers.length === 0) return [fieldError('Required', `${path}.containers`, '')];
  return containers.flatMap(({ name, image }, index) => [
    ...(asText(name) === '' ? [fieldError('Required', `${path}.containers[${index}].name`, '')] : []),
    ...(asText(image) === '' ? [fieldError('Required', `${path}.containers[${index}].image`, '')] : []),
  ]);
}

function changeErrors(before: ApiObject, after: ApiObject): FieldError[] {
  switch (after.kind) {
    case 'Secret':
      return [...secretTypeErrors(before, after), ...immutabilityErrors(before, after, ['data'])];
    case 'ConfigMap':
      return immutabilityErrors(before, after, ['data', 'binaryData']);
    case 'Pod':
      return podChangeErrors(before, after);
    default:
      return [];
  }
}

function secretTypeErrors(before: ApiObject, after: ApiObject): FieldError[] {
  if (after.type === before.type) return [];
  return [fieldError('Invalid', 'type', `${JSON.stringify(after.type)}: field is immutable`)];
}

function immutabilityErrors(before: ApiObject, after: ApiObject, fields: string[]): FieldError[] {
  if (before.immutable !== true) return [];
  const why = 'field is immutable when `immutable` is set';
  const changed = fields.filter((field) => !isDeepStrictEqual(asMap(before[field]), asMap(after[field])));
  return [...(after.immutable === true ? [] : ['immutable']), ...changed].map((field) =>
    fieldError('Forbidden', field, why),
  );
}

/** Of a Pod's spec only images may change (and two fields that nothing here uses). */
function podChangeErrors(before: ApiObject, after: ApiObject): FieldError[] {
  if (isDeepStrictEqual(unchangeable(before), unchangeable(after))) return [];
  const why =
    'pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing tolerations)';
  return [fieldError('Forbidden', 'spec', why)];
}

function unchangeable({ spec }: ApiObject): JsonMap {
  const rest = without(copyOf(asMap(spec)), 'activeDeadlineSeconds', 'tolerations');
  for (const container of [...asMaps(rest.containers), ...asMaps(rest.initContainers)]) delete container.image;
  return rest;
}
