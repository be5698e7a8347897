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
];

/** Whether the serving certificate has to be replaced at `now`, and the first reason why. */
export function servingRotation(state: Inspection<ServingFacts>, now: number): Rotation | null {
  return typeof state === 'string' ? unusable[state] : firstThatApplies(servingChecks, state, now);
}

/** Why a CA cannot sign at `now`, whatever else is to be had; null: it can. */
export function caFault(state: Inspection<CertificateFacts>, now: number): Rotation | null {
  return typeof state === 'string' ? unusable[state] : firstThatApplies(caChecks, state, now);
}

/** The CAs that the leader finds, and what is known of the trust in the coming one. */
export interface CaState {
  signing: Inspection<CertificateFacts>;
  /** Published, but not signing yet. */
  next: Inspection<CertificateFacts>;
  /** Since when the API server is known to verify with the next one, in milliseconds since the epoch. */
  nextTrustedSince: number | undefined;
  /** When a request last came through the API server; undefined: the last that was sent did not. */
  provenAt: number | undefined;
}

/** What is to be done with the CAs; `reason` for code and log. */
export type CaStep =
  | { step: 'Keep' }
  /** Nothing that could sign is left: a new CA signs at once. */
  | { step: 'Create'; reason: string }
  /** A new CA is to be published beside the one that signs. */
  | { step: 'Announce'; reason: string }
  /** The next CA could sign, if a request comes through. */
  | { step: 'Prove' }
  /** The next CA signs from now on. */
  | { step: 'Promote'; reason: string };

/** What the leader is to do at `now`. A CA that has signed stays trusted until it expires, whatever the step. */
export function caStep(state: CaState, now: number): CaStep {
  const [signing, next] = [usable(state.signing, now), usable(state.next, now)];
  if (!signing) {
    const reason = caFault(state.signing, now)?.reason ?? 'Missing';
    return { step: next ? 'Promote' : 'Create', reason };
  }
  if (now < renewalTime(signing)) return { step: 'Keep' };
  return next ? handOver(signing, next, state, now) : { step: 'Announce', reason: due.reason };
}

function handOver(
  signing: CertificateFacts,
  next: CertificateFacts,
  { nextTrustedSince, provenAt }: CaState,
  now: number,
): CaStep {
  const announcedAt = issueTime(next);
  const mustSign = now >= Math.max(lastHandOver(signing), announcedAt + overlapMs(next));
  if (mustSign) return { step: 'Promote', reason: 'LastMoment' };
  if (nextTrustedSince === undefined) return { step: 'Keep' };
  const trustedSince = Math.max(nextTrustedSince, announcedAt);
  if (now < trustedSince + overlapMs(next)) return { step: 'Keep' };
  const isProven = provenAt !== undefined && provenAt >= trustedSince;
  return isProven ? { step: 'Promote', reason: due.reason } : { step: 'Prove' };
}

function usable(state: Inspection<CertificateFacts>, now: number): CertificateFacts | undefined {
  return typeof state === 'string' || caFault(state, now) ? undefined : state;
}

/**
 * How long a CA is published before it signs: a minute or, if that is longer, a twentieth of its life. A minute is more than a
 * short life can spare: never more than a twelfth of it, a quarter of the time that is left when a CA is due.
 */
export function overlapMs(ca: Pick<CertificateFacts, 'validFrom' | 'expiresAt'>): number {
  const lifetimeMs = ca.expiresAt - issueTime(ca);
  return Math.min(Math.max(60_000, lifetimeMs / 20), lifetimeMs / 12);
}

/** After this, waiting for proof would leave nothing of the old CA's life to change over in: a twelfth of it. */
function lastHandOver(ca: CertificateFacts): number {
  return ca.expiresAt - (ca.expiresAt - issueTime(ca)) / 12;
}

/** What a replica presents, or could; times in milliseconds since the epoch. */
export interface Presentable {
  validFrom: number;
  expiresAt: number;
  /** Does every entry of the live registration hold its CA? Where nothing is registered, nobody verifies. */
  isTrusted: boolean;
}

/**
 * May a replica present a new certificate in place of the one in use? Not before the API server would accept it, as long as it
 * accepts the old one; nothing is lost once that is of no use any more.
 */
export function maySwap(inUse: Presentable, offered: Presentable, now: number): boolean {
  const isUsable = now >= inUse.validFrom && now < inUse.expiresAt && inUse.isTrusted;
  return offered.isTrusted || !isUsable;
}

/** Two thirds through the certificate's life, counted from its issue. */
export function renewalTime({ validFrom, expiresAt }: Pick<CertificateFacts, 'validFrom' | 'expiresAt'>): number {
  const issuedAt = issueTime({ validFrom, expiresAt });
  return issuedAt + ((expiresAt - issuedAt) * 2) / 3;
}

function issueTime({ validFrom, expiresAt }: Pick<CertificateFacts, 'validFrom' | 'expiresAt'>): number {
  return Math.min(validFrom + BACKDATED_MS, expiresAt);
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
