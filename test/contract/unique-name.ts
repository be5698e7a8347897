import { randomBytes } from 'node:crypto';

/** A name that no other test, nor the run before this one, uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(3).toString('hex')}`;
}
