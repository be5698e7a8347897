import type { Status } from '../../../src/kube/objects.ts';
import { qualifiedName } from './api-resources.ts';
import type { ApiResource } from './api-resources.ts';

type Named = Pick<ApiResource, 'plural' | 'group'>;
export type Cause = NonNullable<NonNullable<Status['details']>['causes']>[number];

/** A `Status` as the API server sends it. */
export interface StatusBody extends Status {
  code: number;
  message: string;
  reason?: string;
  details?: Status['details'] & { group?: string; uid?: string };
}

/** A refusal that reaches the client as it is. */
export class StatusError extends Error {
  readonly body: StatusBody;

  constructor(body: StatusBody) {
    super(body.message);
    this.body = body;
  }
}

/** The Status on the wire, in the API server's order of fields. */
export function toWire({ message, reason, details, code }: StatusBody): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code };
}

function detailsOf({ plural, group }: Named, name: string): StatusBody['details'] {
  return { ...(name && { name }), ...(group && { group }), kind: plural };
}

export function notFound(resource: Named, name: string): StatusError {
  const message = `${qualifiedName(resource)} "${name}" not found`;
  return new StatusError({ code: 404, reason: 'NotFound', message, details: detailsOf(resource, name) });
}

/** A path that leads nowhere: the one refusal that is plain text. */
export class NoSuchPath extends Error {}

export function alreadyExists(resource: Named, name: string): StatusError {
  const message = `${qualifiedName(resource)} "${name}" already exists`;
  return new StatusError({ code: 409, reason: 'AlreadyExists', message, details: detailsOf(resource, name) });
}

const objectModified = 'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(resource: Named, name: string, why = objectModified): StatusError {
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`;
  return new StatusError({ code: 409, reason: 'Conflict', message, details: detailsOf(resource, name) });
}

export function forbidden(resource: Named, name: string, why: string, causes?: Cause[]): StatusError {
  const message = `${qualifiedName(resource)} "${name}" is forbidden: ${why}`;
  const details = { ...detailsOf(resource, name), ...(causes && { causes }) };
  return new StatusError({ code: 403, reason: 'Forbidden', message, details });
}

/** One thing wrong with an object: the cause's reason, where, and what. */
export interface FieldError {
  reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate'
    | 'FieldValueNotSupported';
  field: string;
  message: string;
}

export function invalid(
  resource: Pick<ApiResource, 'kind' | 'group'>,
  name: string,
  errors: FieldError[],
): StatusError {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  const text = texts.length === 1 ? texts.join() : `[${texts.join(', ')}]`;
  const causes = errors.map(({ reason, field, message }) => ({ reason, message, field }));
  return new StatusError({
    code: 422,
    reason: 'Invalid',
    message: `${resource.group ? `${resource.kind}.${resource.group}` : resource.kind} "${name}" is invalid: ${text}`,
    details: { ...(name && { name }), ...(resource.group && { group: resource.group }), kind: resource.kind, causes },
  });
}

/** What an inapplicable JSON Patch is answered with; the server says no more than this. */
export function unprocessablePatch(): StatusError {
  const message = 'the server rejected our request due to an error in our request';
  return new StatusError({ code: 422, reason: 'Invalid', message, details: {} });
}

export function badRequest(message: string): StatusError {
  return new StatusError({ code: 400, reason: 'BadRequest', message });
}

export function internalError(why: string): StatusError {
  return new StatusError({
    code: 500,
    reason: 'InternalError',
    message: `Internal error occurred: ${why}`,
    details: { causes: [{ message: why }] },
  });
}

export function unauthorized(): StatusError {
  return new StatusError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}

export function expired(message: string): StatusError {
  return new StatusError({ code: 410, reason: 'Expired', message });
}

export function methodNotAllowed(): StatusError {
  return new StatusError({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: {},
  });
}

export function unsupportedMediaType(accepted: string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new StatusError({ code: 415, reason: 'UnsupportedMediaType', message });
}
