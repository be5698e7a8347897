export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** One request, as it came over HTTP. */
export interface LoggedRequest {
  /** Milliseconds since the epoch. */
  at: number;
  /** Empty for paths that are no resource, as `/version`. */
  verb: Verb | '';
  path: string;
  /** Plural; empty for paths that are no resource. */
  resource: string;
  subresource: string;
  /** Empty for all namespaces, and for cluster-scoped resources. */
  namespace: string;
  name: string;
  query: Record<string, string>;
  userAgent: string;
  contentType: string;
  user: string;
  dryRun: boolean;
  /** The HTTP status of the answer; undefined while there is none. */
  status?: number;
  /** What was sent, as it was; protobuf as the JSON of what it holds. */
  body: string;
}

/** What a request has to be like; everything that is left out matches. */
export interface RequestMatch {
  verb?: Verb | Verb[];
  resource?: string;
  namespace?: string;
  name?: string;
  subresource?: string;
  dryRun?: boolean;
  user?: string;
  userAgent?: RegExp;
  contentType?: RegExp;
  status?: number;
}

export function matchesRequest(request: LoggedRequest, match: RequestMatch): boolean {
  const { verb, userAgent, contentType, ...exact } = match;
  const verbs = verb === undefined ? undefined : [verb].flat();
  if (verbs && !verbs.some((each) => each === request.verb)) return false;
  if (userAgent && !userAgent.test(request.userAgent)) return false;
  if (contentType && !contentType.test(request.contentType)) return false;
  return Object.entries(exact).every(
    ([field, value]: [string, unknown]) => value === undefined || request[field as keyof LoggedRequest] === value,
  );
}

const writingVerbs: Verb[] = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const kept = 100_000;

/** Every request that reached the API, oldest first. */
export class RequestLog {
  #entries: LoggedRequest[] = [];

  get all(): readonly LoggedRequest[] {
    return this.#entries;
  }

  /** The requests that match. */
  of(match: RequestMatch): LoggedRequest[] {
    return this.#entries.filter((entry) => matchesRequest(entry, match));
  }

  count(match: RequestMatch = {}): number {
    return this.of(match).length;
  }

  /** The requests that change something (dry runs are not among them). */
  writes(match: RequestMatch = {}): LoggedRequest[] {
    return this.of({ verb: writingVerbs, dryRun: false, ...match });
  }

  clear(): void {
    this.#entries = [];
  }

  /** For the server. */
  add(entry: LoggedRequest): void {
    this.#entries.push(entry);
    if (this.#entries.length > 2 * kept) this.#entries = this.#entries.slice(-kept);
  }
}
