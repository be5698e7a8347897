import type { Trust } from '../../src/certificates/trust.ts';

/** How the API server verifies, as a test sets it. */
export class KnownTrust implements Trust {
  /** Of the registration; undefined: there is none. */
  bundle: string | undefined;
  passedAt: number | undefined;
  /** Has the registration been read yet? */
  isRead = true;
  asked = 0;

  readonly bundles = () => {
    if (!this.isRead) return undefined;
    return this.bundle === undefined ? [] : [this.bundle];
  };
  readonly provenAt = () => this.passedAt;
  readonly prove = () => {
    this.asked++;
  };
}

/** Nothing is registered, and nobody verifies. */
export const nobodyVerifies: Trust = new KnownTrust();
