import type { ApiObject, JsonMap, UserInfo } from './api-object.ts';
import type { ApiResource } from './api-resources.ts';

/** What admission plugins and webhooks see of a write; they change `object`. */
export interface AdmissionAttributes {
  operation: 'CREATE' | 'UPDATE' | 'DELETE';
  resource: ApiResource;
  subresource: string;
  /** Empty for cluster-scoped resources. */
  namespace: string;
  /** Empty when the name is still to be generated. */
  name: string;
  /** Undefined for a DELETE. */
  object: ApiObject | undefined;
  /** Undefined for a CREATE. */
  oldObject: ApiObject | undefined;
  dryRun: boolean;
  user: UserInfo;
  /** The fields of CreateOptions, UpdateOptions or DeleteOptions. */
  options: JsonMap;
  /** Tells the client with a `Warning` header. */
  warn: (text: string) => void;
}

/** The name as the server gives it in a refusal. */
export function nameOf({ name, object }: AdmissionAttributes): string {
  const candidates = [name, object?.metadata.name, object?.metadata.generateName];
  return candidates.find((each) => each !== undefined && each !== '') ?? 'Unknown';
}
