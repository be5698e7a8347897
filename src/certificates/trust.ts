import { trustAnchorOf } from './certificate-facts.ts';

/** How the API server verifies us, as this replica knows it. */
export interface Trust {
  /**
   * The bundles of the live registration's entries, in PEM; none: nothing is registered, and nobody verifies. Undefined until
   * the registration has been read.
   */
  bundles: () => readonly string[] | undefined;
  /**
   * When a request last came to a replica through the API server, in milliseconds since the epoch; undefined when the last
   * that was sent did not, or none was.
   */
  provenAt: () => number | undefined;
  /** Sends such a request soon. */
  prove: () => void;
}

/** Is the API server known to accept the certificate, the first of a PEM text, for every kind of request? */
export function isTrusted(cert: string, { bundles }: Pick<Trust, 'bundles'>): boolean {
  return bundles()?.every((bundle) => trustAnchorOf(cert, bundle) !== undefined) === true;
}
