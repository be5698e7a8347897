import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * What this replica is called among the others. A Pod's name is its container's alone, so that one which crashed goes on with its
 * own Lease; elsewhere two processes of one host must not be taken for each other.
 */
export function replicaIdentity({ POD_NAME: podName = '' }: Readonly<Record<string, string | undefined>>): string {
  return podName === '' ? `${hostname()}_${randomUUID()}` : podName;
}
