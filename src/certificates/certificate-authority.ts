import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { LoopGuard } from '../kube/loop-guard.ts';
import type { Secret } from '../kube/objects.ts';
import { resources } from '../kube/resources.ts';
import {
  CA_SECRET_NAME,
  caRecord,
  caSecret,
  holdsSameCa,
  parseCaSecret,
  type CaRecord,
  type FoundCa,
  type ParsedCaSecret,
} from './ca-secret.ts';
import { CertificateError } from './certificate-error.ts';
import { inspectCa, type CertificateKeyPair } from './certificate-facts.ts';
import type { CertificateIssuer } from './certificate-issuer.ts';
import type { ReportCertificate } from './certificate-source.ts';
import { caFault, caStep, type CaStep } from './rotation-policy.ts';
import { isTrusted, type Trust } from './trust.ts';

/** Where the CA's Secret is kept. */
export interface CaStore {
  /** Undefined when there is none. */
  load(signal: AbortSignal): Promise<Secret | undefined>;
  /**
   * Replaces exactly the version in `metadata.resourceVersion`, or creates the Secret if it has none.
   * Resolves to false, having changed nothing, when another writer came first.
   */
  save(secret: Secret, signal: AbortSignal): Promise<boolean>;
  /** Calls `onChange` when somebody may have changed the Secret, until `signal` fires. */
  watch(onChange: () => void, signal: AbortSignal): Promise<void>;
}

export interface CertificateAuthorityOptions {
  store: CaStore;
  clock: Clock;
  /** The own namespace. */
  namespace: string;
  caLifetimeMs: number;
  /** Only the leader creates, repairs and renews the CA; the others take what they find. */
  leads: () => boolean;
  trust: Trust;
  issuer: Pick<CertificateIssuer, 'createCa'>;
  loopGuard: Pick<LoopGuard, 'waitMs' | 'wrote'>;
  report: ReportCertificate;
}

/** The CAs that were found, and what is to be done with them. */
interface Plan {
  signing: FoundCa;
  next: FoundCa;
  step: CaStep;
}

const WRITE_ATTEMPTS = 3;

/** Keeps the CA in its Secret and knows the one that signs now. */
export class CertificateAuthority {
  readonly #options: CertificateAuthorityOptions;
  #record: CaRecord | undefined;
  #nextTrusted: { cert: string; since: number } | undefined;

  constructor(options: CertificateAuthorityOptions) {
    this.#options = options;
  }

  /** What was last found in, or written to, the Secret. */
  get record(): CaRecord | undefined {
    return this.#record;
  }

  /**
   * Reads the Secret and, as the leader, writes it if it is missing, damaged or due.
   * @throws CertificateError, and what the store throws.
   */
  async sync(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
      const stored = await this.#options.store.load(signal);
      const parsed = parseCaSecret(stored);
      if (!this.#options.leads()) {
        this.#follow(parsed);
        return;
      }
      if (await this.#lead(stored, parsed, signal)) return;
    }
    throw new CertificateError('others keep changing the Secret of the CA', { code: 'CaContended', retryable: true });
  }

  #follow({ signing, next, readable }: ParsedCaSecret): void {
    if (signing.pair) {
      this.#record = caRecord({ signing: signing.pair, next: next.pair }, readable, this.#options.clock.now());
      return;
    }
    const missing = signing.state === 'Missing';
    throw new CertificateError(missing ? 'no CA has been made yet' : 'the Secret of the CA is damaged', {
      code: missing ? 'CaMissing' : 'CaDamaged',
      retryable: true,
    });
  }

  /** Resolves to false when another writer came first. */
  async #lead(stored: Secret | undefined, parsed: ParsedCaSecret, signal: AbortSignal): Promise<boolean> {
    const { clock, namespace, trust, store } = this.#options;
    const now = clock.now();
    const plan = this.#plan(parsed, now);
    const pairs = await this.#take(plan, now);
    if (plan.step.step === 'Prove') trust.prove();
    const record = caRecord(pairs, [...parsed.readable, ...this.#remembered()], now);
    const wanted = caSecret(record, namespace, stored);
    if (!holdsSameCa(stored, wanted) && this.#mayWrite(stored, wanted)) {
      if (!(await store.save(wanted, signal))) return false;
      this.#options.loopGuard.wrote(this.#kept, digestOf(wanted));
      this.#reportWritten(record, plan.step);
    }
    this.#record = record;
    return true;
  }

  #plan(parsed: ParsedCaSecret, now: number): Plan {
    const signing = orRemembered(parsed.signing, this.#record?.signing, now);
    const remembered = this.#record?.next;
    const next = orRemembered(parsed.next, remembered?.cert === signing.pair?.cert ? undefined : remembered, now);
    const nextTrustedSince = this.#nextTrustedSince(next.pair, now);
    const { trust } = this.#options;
    // Where nothing is registered nobody can be asked, and nobody minds.
    const provenAt = trust.bundles()?.length === 0 ? now : trust.provenAt();
    const step = caStep({ signing: signing.state, next: next.state, nextTrustedSince, provenAt }, now);
    return { signing, next, step };
  }

  #nextTrustedSince(next: CertificateKeyPair | undefined, now: number): number | undefined {
    if (this.#options.trust.bundles()?.length === 0) return 0;
    if (!next || !isTrusted(next.cert, this.#options.trust)) {
      this.#nextTrusted = undefined;
      return undefined;
    }
    const known = this.#nextTrusted?.cert === next.cert ? this.#nextTrusted.since : now;
    this.#nextTrusted = { cert: next.cert, since: Math.min(known, now) }; // the clock may have been set back
    return this.#nextTrusted.since;
  }

  async #take({ signing, next, step }: Plan, now: number): Promise<Omit<CaRecord, 'alsoTrusted'>> {
    const { issuer, caLifetimeMs } = this.#options;
    if (step.step === 'Promote' && next.pair) return { signing: next.pair };
    if (step.step === 'Create' || !signing.pair) return { signing: await issuer.createCa(caLifetimeMs, now) };
    if (step.step === 'Announce') return { signing: signing.pair, next: await issuer.createCa(caLifetimeMs, now) };
    const isNextGood = next.pair && !caFault(next.state, now);
    return { signing: signing.pair, ...(isNextGood && { next: next.pair }) };
  }

  #remembered(): string[] {
    if (!this.#record) return [];
    const { signing, next, alsoTrusted } = this.#record;
    return [signing.cert, ...(next ? [next.cert] : []), ...alsoTrusted];
  }

  /** Somebody who undoes every write is not answered as fast as we can. */
  #mayWrite(stored: Secret | undefined, wanted: Secret): boolean {
    const rivals = (stored?.metadata.managedFields ?? []).map(({ manager = 'unknown' }) => manager);
    return this.#options.loopGuard.waitMs(this.#kept, digestOf(wanted), [...new Set(rivals)]) === 0;
  }

  get #kept() {
    return { resource: resources.secrets, namespace: this.#options.namespace, name: CA_SECRET_NAME };
  }

  #reportWritten(record: CaRecord, step: CaStep): void {
    const { report } = this.#options;
    const changed = step.step === 'Announce' ? record.next : record.signing;
    const certificate = step.step === 'Announce' ? 'next ca' : 'ca';
    report({
      kind: 'written',
      certificate,
      reason: 'reason' in step ? step.reason : 'BundleChanged',
      expiresAt: expiryOf(changed),
    });
  }
}

/** What the Secret has lost comes back from memory, if that is still good: it is what everybody trusts already. */
function orRemembered(found: FoundCa, remembered: CertificateKeyPair | undefined, now: number): FoundCa {
  if (!remembered || (found.pair && !caFault(found.state, now))) return found;
  const state = inspectCa(remembered);
  return caFault(state, now) ? found : { state, pair: remembered };
}

function expiryOf(pair: CertificateKeyPair | undefined): number {
  const state = inspectCa(pair ?? {});
  return typeof state === 'string' ? 0 : state.expiresAt;
}

function digestOf({ data }: Secret): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('hex');
}
