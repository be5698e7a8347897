import { matchesRequest } from './request-log.ts';
import type { LoggedRequest, RequestMatch } from './request-log.ts';
import { StatusError } from './status-error.ts';
import type { OpenWatches } from './watch-stream.ts';

/** Ends a fault before its time. */
export interface Fault {
  end(): void;
}

/** The refusal that a fault answers with; the reason and message have the code's usual values. */
export interface FaultStatus {
  code: number;
  reason?: string;
  message?: string;
  /** Sets `Retry-After` and `details.retryAfterSeconds`. */
  retryAfterSeconds?: number;
}

interface Planned {
  match: RequestMatch;
  left: number;
}

/** What the faults that are about connections need of the server. */
export interface Connections {
  refuse(): Promise<void>;
  accept(): Promise<void>;
  watches: OpenWatches;
  expireHistory(): void;
}

const usual: Record<number, { reason: string; message: string }> = {
  409: { reason: 'Conflict', message: 'the object has been modified' },
  429: { reason: 'TooManyRequests', message: 'Too many requests, please try again later.' },
  500: { reason: 'InternalError', message: 'Internal error occurred: injected by the test' },
  503: { reason: 'ServiceUnavailable', message: 'the server is currently unable to handle the request' },
  504: { reason: 'Timeout', message: 'the server was unable to return a response in the time allotted' },
};

/** Misbehaviour on demand. A fault holds for the next `times` matching requests, or until it is ended. */
export class Faults {
  readonly #connections: Connections;
  readonly #failures = new Set<Planned & { status: FaultStatus }>();
  readonly #delays = new Set<Planned & { ms: number }>();
  readonly #lostAnswers = new Set<Planned>();
  readonly #quotas = new Set<{ resource: string; namespace?: string }>();
  readonly #stalls = new Set<RequestMatch>();

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Answers with a Status, before anything is done. */
  fail(match: RequestMatch, status: FaultStatus, times = Infinity): Fault {
    return plan(this.#failures, { match, status, left: times });
  }

  /** Waits before anything is done. */
  delay(match: RequestMatch, ms: number, times = Infinity): Fault {
    return plan(this.#delays, { match, ms, left: times });
  }

  /** Does what is asked and cuts the connection instead of answering. */
  loseAnswer(match: RequestMatch, times = Infinity): Fault {
    return plan(this.#lostAnswers, { match, left: times });
  }

  /** Lets creations (by POST or apply) fail with a 403 "exceeded quota". */
  exceedQuota(resource = 'secrets', namespace?: string): Fault {
    return plan(this.#quotas, { resource, ...(namespace !== undefined && { namespace }) });
  }

  /** Cuts the watches that are open now. */
  dropWatches(match: RequestMatch = {}): void {
    this.#connections.watches.cut(match);
  }

  /** Watches, open and to come, stay open and send nothing until the fault ends; then they send what was held back. */
  stallWatches(match: RequestMatch = {}): Fault {
    this.#stalls.add(match);
    for (const stream of this.#connections.watches.of(match)) stream.setStalled(true);
    return {
      end: () => {
        this.#stalls.delete(match);
        for (const stream of this.#connections.watches.of(match)) stream.setStalled(this.isStalled(stream.request));
      },
    };
  }

  /** Watches that are open now stay open and never send anything more, not even their end; those to come are as ever. */
  freezeWatches(match: RequestMatch = {}): void {
    for (const stream of this.#connections.watches.of(match)) stream.setStalled(true);
  }

  /** Forgets the past: watches and paged lists from any version seen so far are 410 Gone. Open watches go on. */
  expireHistory(): void {
    this.#connections.expireHistory();
  }

  /** Closes the port and every connection until `acceptConnections`. */
  async refuseConnections(): Promise<void> {
    await this.#connections.refuse();
  }

  async acceptConnections(): Promise<void> {
    await this.#connections.accept();
  }

  /** Ends every fault but refused connections. */
  clear(): void {
    for (const faults of [this.#failures, this.#delays, this.#lostAnswers, this.#quotas]) faults.clear();
    this.#stalls.clear();
    for (const stream of this.#connections.watches.of({})) stream.setStalled(false);
  }

  /** For the server: how long to wait, and the refusal if any. */
  onRequest(request: LoggedRequest): { delayMs: number; refusal?: StatusError } {
    const delayMs = take(this.#delays, request)?.ms ?? 0;
    const failure = take(this.#failures, request);
    return failure ? { delayMs, refusal: refusalOf(failure.status) } : { delayMs };
  }

  /** For the server. */
  losesAnswer(request: LoggedRequest): boolean {
    return take(this.#lostAnswers, request) !== undefined;
  }

  /** For the server. */
  isStalled(request: LoggedRequest): boolean {
    return [...this.#stalls].some((match) => matchesRequest(request, match));
  }

  /** For the server. */
  isQuotaExceeded(resource: string, namespace: string): boolean {
    return [...this.#quotas].some(
      (quota) => quota.resource === resource && (quota.namespace ?? namespace) === namespace,
    );
  }
}

function plan<T>(faults: Set<T>, fault: T): Fault {
  faults.add(fault);
  return { end: () => void faults.delete(fault) };
}

function take<T extends Planned>(faults: Set<T>, request: LoggedRequest): T | undefined {
  for (const fault of faults) {
    if (fault.left > 0 && matchesRequest(request, fault.match)) {
      fault.left--;
      return fault;
    }
  }
  return undefined;
}

function refusalOf({ code, reason, message, retryAfterSeconds }: FaultStatus): StatusError {
  const known = usual[code];
  return new StatusError({
    code,
    reason: reason ?? known?.reason ?? '',
    message: message ?? known?.message ?? `status ${code}`,
    ...(retryAfterSeconds !== undefined && { details: { retryAfterSeconds } }),
  });
}
