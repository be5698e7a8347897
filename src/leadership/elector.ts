import { aborted, type Clock } from '../clock.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Lease } from '../kube/objects.ts';
import { Reflector } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import {
  electionMove,
  lookAgainInMs,
  RENEW_AGAIN_MS,
  RENEW_DEADLINE_MS,
  RETRY_MS,
  type ElectionMove,
  type ElectionState,
} from './election-policy.ts';
import {
  CLEANUP_IDENTITY,
  emptyLease,
  holdPatch,
  LEASE_NAME,
  observeLease,
  releasePatch,
  type ObservedLease,
} from './lease.ts';
import type { Leadership } from './leadership.ts';

/** So that one write that hangs, and the look after it, leave time for another before the leader has to step down. */
const WRITE_TIMEOUT_MS = 3_000;
const READ_TIMEOUT_MS = 1_000;

export interface ElectorOptions {
  client: Pick<KubeClient, 'list' | 'watch' | 'apply' | 'jsonPatch'>;
  clock: Clock;
  /** Time that nobody sets, in milliseconds from any moment on. Default: the process's own. */
  elapsedMs?: () => number;
  /** The own namespace. */
  namespace: string;
  /** No other replica's, nor that of one which may still run. */
  identity: string;
  onFailure: (error: unknown, retryInMs: number) => void;
  /** The clean-up holds the Lease; told anew when it holds it for another time. */
  onSuspended: (until: number) => void;
  onWatchRestart: (error: unknown) => void;
}

/** What a renewal bought. */
interface Term {
  readonly stop: AbortController;
  /** When the last renewal was sent, by either clock: the one may have been set, the other have slept with the machine. */
  sentAt: Moment;
  /** When the next one is due, by {@link ElectorOptions.elapsedMs}. */
  renewAt: number;
}

interface Moment {
  elapsedMs: number;
  now: number;
}

/**
 * Elects by the Lease of the own namespace. A replica counts on its own clock for how long it has seen the Lease as it is, and
 * takes it when that is longer than its duration; each write has the state that it was decided on as its precondition.
 * Source: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
 */
export class Elector implements Leadership {
  readonly #options: Required<ElectorOptions>;
  readonly #reflector: Reflector<Lease, ObservedLease>;
  readonly #settled = Promise.withResolvers<undefined>();
  #changedAt: number;
  #wake = new AbortController();
  #term: Term | undefined;

  constructor(options: ElectorOptions) {
    this.#options = { elapsedMs: () => performance.now(), ...options };
    this.#changedAt = this.#options.elapsedMs();
    const { client, clock, namespace, onWatchRestart } = options;
    this.#reflector = new Reflector<Lease, ObservedLease>({
      client,
      clock,
      resource: resources.leases,
      namespace,
      fieldSelector: `metadata.name=${LEASE_NAME}`,
      reduce: observeLease,
      onRestart: onWatchRestart,
    });
    this.#reflector.subscribe((_, current, previous) => this.#follow(current, previous));
  }

  get leads(): boolean {
    return this.#term !== undefined && this.#leftMs(this.#term) > 0;
  }

  get holder(): string {
    return this.#lease?.holder ?? '';
  }

  get suspendedUntil(): number | undefined {
    const { clock, elapsedMs } = this.#options;
    const lease = this.#lease;
    if (lease?.holder !== CLEANUP_IDENTITY) return undefined;
    return clock.now() + this.#changedAt + lease.durationMs - elapsedMs();
  }

  get settled(): Promise<unknown> {
    return this.#settled.promise;
  }

  async run(signal: AbortSignal, lead: (term: AbortSignal) => void): Promise<void> {
    const { clock } = this.#options;
    const watching = this.#reflector.run(signal);
    await Promise.race([this.#reflector.synced, aborted(signal)]);
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const heldSince = await this.#step();
      if (heldSince) this.#hold(heldSince, signal, lead);
      this.#settled.resolve(undefined);
      await clock.sleep(this.#waitMs, AbortSignal.any([signal, this.#wake.signal])).catch(() => undefined);
    }
    this.#end();
    await this.#release();
    await watching;
  }

  get #lease(): ObservedLease | undefined {
    return this.#reflector.get({ namespace: this.#options.namespace, name: LEASE_NAME });
  }

  get #state(): ElectionState {
    const { identity, elapsedMs } = this.#options;
    return { lease: this.#lease, identity, unchangedMs: elapsedMs() - this.#changedAt };
  }

  get #waitMs(): number {
    return this.#term ? Math.max(this.#term.renewAt - this.#options.elapsedMs(), 0) : lookAgainInMs(this.#state);
  }

  /** The Lease changed: whoever holds it lives. One that was taken from us, or deleted, ends the term at once. */
  #follow(current: ObservedLease | undefined, previous: ObservedLease | undefined): void {
    this.#changedAt = this.#options.elapsedMs();
    const isNews = current?.holder !== previous?.holder || current?.durationMs !== previous?.durationMs;
    if (isNews && this.suspendedUntil !== undefined) this.#options.onSuspended(this.suspendedUntil);
    if (this.holder === this.#options.identity) return;
    this.#end();
    this.#wake.abort();
  }

  /** Resolves to when the write was sent that made, or kept, the Lease ours; undefined if there was none. */
  async #step(): Promise<Moment | undefined> {
    const move = electionMove(this.#state);
    if (!move) return undefined;
    const before = this.#lease;
    const sentAt = this.#now();
    try {
      this.#reflector.observe(await this.#write(move, before));
    } catch (error) {
      if (this.#term) this.#term.renewAt = this.#options.elapsedMs() + RENEW_AGAIN_MS;
      await this.#reread();
      // Where somebody else was faster there is nothing to tell.
      if (this.#lease?.resourceVersion === before?.resourceVersion) this.#options.onFailure(error, this.#waitMs);
      return undefined;
    }
    return move !== 'Create' && this.holder === this.#options.identity ? sentAt : undefined;
  }

  #write(move: ElectionMove, lease: ObservedLease | undefined): Promise<Lease> {
    const { client, namespace, identity, clock } = this.#options;
    const bounded = { timeoutMs: WRITE_TIMEOUT_MS };
    // To apply is what rights by name allow for creating; two who do so at once have not yet acquired anything.
    if (move === 'Create' || !lease) return client.apply(resources.leases, emptyLease(namespace), bounded);
    const patch = holdPatch(lease, identity, clock.now());
    return client.jsonPatch(resources.leases, { namespace, name: LEASE_NAME }, patch, bounded);
  }

  /** The watch may be late, or stalled: what there is now is what to wait by. */
  async #reread(): Promise<void> {
    const { client, namespace } = this.#options;
    const scope = { namespace, fieldSelector: `metadata.name=${LEASE_NAME}`, timeoutMs: READ_TIMEOUT_MS };
    const items = await client.list<Lease>(resources.leases, scope).then(
      (list) => list.items,
      () => [],
    );
    for (const lease of items) this.#reflector.observe(lease);
  }

  /** Begins a term, or prolongs the one there is. */
  #hold(sentAt: Moment, signal: AbortSignal, lead: (term: AbortSignal) => void): void {
    // What was not done because it had run out is done by beginning anew.
    if (!this.leads) this.#end();
    const renewAt = sentAt.elapsedMs + RETRY_MS;
    if (this.#term) {
      Object.assign(this.#term, { sentAt, renewAt });
      return;
    }
    const term: Term = { stop: new AbortController(), sentAt, renewAt };
    // The answer may have come when it was worth nothing any more.
    if (signal.aborted || this.#leftMs(term) <= 0) return;
    this.#term = term;
    void this.#watchOver(term);
    lead(term.stop.signal);
  }

  /** Ends the term when its time is over, whatever the write that should have prolonged it is waiting for. */
  async #watchOver(term: Term): Promise<void> {
    const { signal } = term.stop;
    for (let leftMs = this.#leftMs(term); leftMs > 0 && !signal.aborted; leftMs = this.#leftMs(term)) {
      await this.#options.clock.sleep(leftMs, signal).catch(() => undefined);
    }
    if (!signal.aborted) this.#end();
  }

  #end(): void {
    const term = this.#term;
    this.#term = undefined;
    term?.stop.abort();
  }

  #leftMs({ sentAt }: Term): number {
    const { elapsedMs, now } = this.#now();
    return RENEW_DEADLINE_MS - Math.max(elapsedMs - sentAt.elapsedMs, now - sentAt.now);
  }

  #now(): Moment {
    return { elapsedMs: this.#options.elapsedMs(), now: this.#options.clock.now() };
  }

  async #release(): Promise<void> {
    const { client, namespace, identity, onFailure } = this.#options;
    const lease = this.#lease;
    if (lease?.holder !== identity) return;
    const ref = { namespace, name: LEASE_NAME };
    const released = client.jsonPatch(resources.leases, ref, releasePatch(lease), { timeoutMs: WRITE_TIMEOUT_MS });
    await released.catch((error: unknown) => onFailure(error, 0));
  }
}
