import { certificatesIn, isSignedBy } from '../../src/certificates/certificate-facts.ts';
import type { CertificateIssuer } from '../../src/certificates/certificate-issuer.ts';
import { SelfManagedCertificates } from '../../src/certificates/self-managed-certificates.ts';
import { LoopGuard } from '../../src/kube/loop-guard.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { MemoryCaStore } from './memory-ca-store.ts';

export interface FleetOptions {
  /** How long each replica, the leader first, takes to see that the Secret has changed, in milliseconds. */
  lags: readonly number[];
  /** How long the leader takes to write a new bundle into the registration. */
  registrationLagMs: number;
  /** How long a replica takes to see that the registration has changed. */
  replicaLagMs: number;
  /** How long the API server takes to go by what has changed. */
  serverLagMs: number;
  caLifetimeMs: number;
  certificateLifetimeMs: number;
  issuer: CertificateIssuer;
}

/** Something that changes, and when who sees it late gets to see each version. */
class Lagging<T> {
  readonly #versions: { at: number; value: T }[] = [];

  set(value: T, at: number): void {
    if (this.#versions.at(-1)?.value !== value) this.#versions.push({ at, value });
  }

  /** What was there at a time. */
  at(time: number): T | undefined {
    return this.#versions.findLast((version) => version.at <= time)?.value;
  }
}

/** Replicas that share a CA, and an API server that verifies them; everything takes its time to get around. */
export class Fleet {
  readonly clock = new ManualClock();
  readonly store = new MemoryCaStore();
  readonly #options: FleetOptions;
  readonly #registration = new Lagging<string>();
  readonly #replicas: SelfManagedCertificates[];
  readonly #end = new AbortController();
  readonly #signers = new Set<string>();
  #leader = 0;
  #provenAt: number | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#replicas = options.lags.map((lagMs, index) => this.#replica(index, lagMs));
  }

  /** How many CAs have signed what was served. */
  get signers(): number {
    return this.#signers.size;
  }

  start(): void {
    for (const replica of this.#replicas) void replica.run(this.#end.signal);
  }

  stop(): void {
    this.#end.abort();
  }

  lead(index: number): void {
    this.#leader = index % this.#replicas.length;
  }

  /** Lets time pass, and looks each time whether the API server would accept every replica. @returns what it would not. */
  async pass(ms: number, stepMs: number): Promise<string[]> {
    const refusals: string[] = [];
    for (const end = this.clock.now() + ms; this.clock.now() < end;) {
      await this.clock.pass(stepMs);
      this.#register();
      refusals.push(...this.#refusals());
    }
    return refusals;
  }

  /** Lets time pass for replicas that do not run by themselves: at each step, some of them look. */
  async stride(steps: number, stepMs: number, looks: (step: number, replica: number) => boolean): Promise<string[]> {
    const refusals: string[] = [];
    for (let step = 0; step < steps; step++) {
      this.clock.advance(stepMs);
      for (const [index, replica] of this.#replicas.entries()) {
        if (looks(step, index)) await replica.refresh(this.#end.signal);
      }
      this.#register();
      refusals.push(...this.#refusals());
    }
    return refusals;
  }

  #replica(index: number, lagMs: number): SelfManagedCertificates {
    const { clock, store } = this;
    const { replicaLagMs } = this.#options;
    return new SelfManagedCertificates({
      store: {
        load: () => store.load(),
        save: (secret) => store.save(secret),
        watch: (onChange, signal) =>
          store.watch(() => void clock.sleep(lagMs, signal).then(onChange, () => undefined), signal),
      },
      clock,
      namespace: 'acr',
      names: ['injector.acr.svc'],
      caLifetimeMs: this.#options.caLifetimeMs,
      certificateLifetimeMs: this.#options.certificateLifetimeMs,
      leads: () => index === this.#leader,
      trust: {
        bundles: () => {
          const bundle = this.#registration.at(clock.now() - replicaLagMs);
          return bundle === undefined ? [] : [bundle];
        },
        provenAt: () => this.#provenAt,
        prove: () => void (this.#provenAt = clock.now()),
      },
      loopGuard: new LoopGuard({ clock, onFight: () => undefined }),
      issuer: this.#options.issuer,
      report: () => undefined,
    });
  }

  #register(): void {
    const bundle = this.#replicas[this.#leader]?.current()?.caBundle;
    if (bundle) this.#registration.set(bundle, this.clock.now() + this.#options.registrationLagMs);
  }

  #refusals(): string[] {
    const now = this.clock.now();
    const bundle = this.#registration.at(now - this.#options.serverLagMs);
    if (bundle === undefined) return []; // before there is a webhook
    const trusted = certificatesIn(bundle).filter(({ validToDate }) => validToDate.getTime() > now);
    return this.#replicas.flatMap((replica, index) => {
      const served = certificatesIn(replica.current()?.cert ?? '').at(0);
      const signer = served && trusted.find((ca) => isSignedBy(served, ca));
      if (signer) this.#signers.add(signer.fingerprint256);
      const isValid = signer && served.validFromDate.getTime() <= now && served.validToDate.getTime() > now;
      return isValid ? [] : [`replica ${index} at ${new Date(now).toISOString()}`];
    });
  }
}
