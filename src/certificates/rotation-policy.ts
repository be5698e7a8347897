/** How far before its issue a certificate begins, so that a client whose clock is slow accepts it at once. */
export const BACKDATED_MS = 5 * 60_000;

/** What the decisions look at in a certificate and its key; times in milliseconds since the epoch. */
export interface CertificateFacts {
  validFrom: number;
  expiresAt: number;
  /** It is a CA's, with a key that can sign for us (RSA). */
  maySign: boolean;
  /** The private key is the certificate's. */
  keyMatches: boolean;
}

export interface ServingFacts extends CertificateFacts {
  /** Signed by the CA that signs now. */
  signedByCa: boolean;
  /** Good for every name that clients call the server by. */
  coversNames: boolean;
}

/** What became of looking at a certificate. */
export type Inspection<Facts extends CertificateFacts> = Facts | 'Missing' | 'Unreadable';

/** Why a certificate has to be replaced: `reason` for code, log and metric, `message` for people. */
export interface Rotation {
  reason: string;
  message: string;
}

interface Check<Facts> {
  reason: string;
  message: string;
  applies(facts: Facts, now: number): boolean;
}

const unusable: Record<'Missing' | 'Unreadable', Rotation> = {
  Missing: { reason: 'Missing', message: 'there is none' },
  Unreadable: { reason: 'Unreadable', message: 'the certificate or its key cannot be read' },
};

const checksOfAny: Check<CertificateFacts>[] = [
  { reason: 'KeyMismatch', message: 'the key belongs to another certificate', applies: (facts) => !facts.keyMatches },
  { reason: 'Expired', message: 'it has expired', applies: (facts, now) => now >= facts.expiresAt },
  { reason: 'NotYetValid', message: 'it is not valid yet', applies: (facts, now) => now < facts.validFrom },
];

const due: Check<CertificateFacts> = {
  reason: 'Due',
  message: 'two thirds of its life are over',
  applies: (facts, now) => now >= renewalTime(facts),
};

const servingChecks: Check<ServingFacts>[] = [
  ...checksOfAny,
  { reason: 'OtherCa', message: 'another CA has signed it', applies: (facts) => !facts.signedByCa },
  { reason: 'NamesChanged', message: 'a name of the server is not in it', applies: (facts) => !facts.coversNames },
  due,
];

const caChecks: Check<CertificateFacts>[] = [
  { reason: 'MayNotSign', message: 'it is no RSA certificate of a CA', applies: (facts) => !facts.maySign },
  ...checksOfAny,
  due,
];

/** Whether the serving certificate has to be replaced at `now`, and the first reason why. */
export function servingRotation(state: Inspection<ServingFacts>, now: number): Rotation | null {
  return typeof state === 'string' ? unusable[state] : firstThatApplies(servingChecks, state, now);
}

/** Whether the CA has to be replaced at `now`, and the first reason why. */
export function caRotation(state: Inspection<CertificateFacts>, now: number): Rotation | null {
  return typeof state === 'string' ? unusable[state] : firstThatApplies(caChecks, state, now);
}

/** Two thirds through the certificate's life, counted from its issue. */
export function renewalTime({ validFrom, expiresAt }: Pick<CertificateFacts, 'validFrom' | 'expiresAt'>): number {
  const issuedAt = Math.min(validFrom + BACKDATED_MS, expiresAt);
  return issuedAt + ((expiresAt - issuedAt) * 2) / 3;
}

/**
 * The validity of a certificate issued at `now`, in whole seconds as X.509 has them.
 * @param signerExpiresAt a certificate is of no use after its signer's end.
 */
export function validityOf(
  now: number,
  lifetimeMs: number,
  signerExpiresAt = Infinity,
): { validFrom: number; expiresAt: number } {
  const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000;
  return {
    validFrom: wholeSeconds(now - BACKDATED_MS),
    expiresAt: wholeSeconds(Math.min(now + lifetimeMs, signerExpiresAt)),
  };
}

function firstThatApplies<Facts>(checks: Check<Facts>[], facts: Facts, now: number): Rotation | null {
  const check = checks.find((candidate) => candidate.applies(facts, now));
  return check ? { reason: check.reason, message: check.message } : null;
}
