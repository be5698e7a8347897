import type { Auths } from '../credentials/docker-config.ts';

/** Those of the entries that fit into so many bytes of JSON, in their order, and the keys of the others. */
export function fitAuths(others: Auths, maxBytes: number): { auths: Auths; leftOut: readonly string[] } {
  const fitting: [string, object][] = [];
  const leftOut: string[] = [];
  let bytes = 0;
  for (const [key, entry] of Object.entries(others)) {
    // What the two braces of the object that holds it alone are to it, a comma is among others.
    const entryBytes = Buffer.byteLength(JSON.stringify({ [key]: entry }));
    if (bytes + entryBytes > maxBytes) {
      leftOut.push(key);
    } else {
      bytes += entryBytes;
      fitting.push([key, entry]);
    }
  }
  return { auths: Object.fromEntries(fitting), leftOut };
}
