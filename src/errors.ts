/** What an error asks of the one who handles it; told by code, never by the message's text. */
export interface CodedErrorOptions {
  code: string;
  /** Would the same request succeed later, with nobody mending anything? */
  retryable: boolean;
  /** What the other side asked us to wait; nothing at all is no answer, and more than a minute is not obeyed. */
  retryAfterMs?: number;
  /** The longest wait, in milliseconds, that a back-off is to come to, where to wait longer spares nobody. */
  retryWithinMs?: number;
  cause?: unknown;
}

/** A wrong header must not stop a controller for a day. */
const MAX_RETRY_AFTER_MS = 60_000;

/** An error with a code to act on, whose message is safe to log: it never holds a token or a key. */
export class CodedError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly retryWithinMs: number | undefined;

  constructor(message: string, options: CodedErrorOptions) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.retryable = options.retryable;
    this.retryWithinMs = options.retryWithinMs;
    const { retryAfterMs = 0 } = options;
    this.retryAfterMs = retryAfterMs > 0 ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) : undefined;
  }
}

/** An error of the registry's or the Security Token Service's OpenAPI. */
export class CloudApiError extends CodedError {}

/** No usable Alibaba Cloud credentials. */
export class CredentialsError extends CodedError {}

/** A refusal by, or a failure to reach, the Kubernetes API server. */
export class KubeApiError extends CodedError {
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;

  constructor(message: string, options: CodedErrorOptions & { status: number }) {
    super(message, options);
    this.status = options.status;
  }
}

/** The text of anything thrown, for a log field. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
