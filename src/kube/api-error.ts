import { KubeApiError } from '../errors.ts';
import type { Status } from './objects.ts';

/** The Status in an answer's body; an answer of something in between, a proxy for example, has none. */
export function parseStatus(text: string, httpStatus: number): Status {
  try {
    const body = JSON.parse(text) as Status | null;
    return body?.kind === 'Status' ? { ...body, code: httpStatus } : { code: httpStatus };
  } catch {
    return { code: httpStatus };
  }
}

/** @param what the request, for the message. @param retryAfterMs the answer's Retry-After; NaN when it had none. */
export function errorOfStatus(status: Status, what: string, retryAfterMs = NaN): KubeApiError {
  const httpStatus = status.code ?? 500;
  const code = reasonOf(status, httpStatus);
  return new KubeApiError(`${what} answered ${httpStatus} ${code}${detailOf(status, httpStatus)}`, {
    code,
    status: httpStatus,
    // A 401 makes the next request authenticate anew.
    retryable: httpStatus === 401 || httpStatus === 409 || httpStatus === 429 || httpStatus >= 500,
    retryAfterMs: retryAfterMs > 0 ? retryAfterMs : secondsToMs(status.details?.retryAfterSeconds),
  });
}

/** A request that got no answer, or none that can be read. */
export function unreachable(error: unknown): KubeApiError {
  if (error instanceof KubeApiError) return error;
  // Its message quotes what could not be read, which may be a Secret.
  if (error instanceof SyntaxError) {
    const message = 'the answer of the API server is no JSON';
    return new KubeApiError(message, { code: 'UnreadableAnswer', status: 0, retryable: true });
  }
  const aborted = error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
  const detail = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return new KubeApiError(
    aborted ? 'the API server did not answer in time' : `the API server cannot be reached: ${detail}`,
    { code: aborted ? 'Timeout' : 'Unreachable', status: 0, retryable: true, cause: error },
  );
}

function reasonOf(status: Status, httpStatus: number): string {
  // Writing to a namespace that is going is a Forbidden like any other but for this cause.
  const terminating = status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating');
  return terminating ? 'NamespaceTerminating' : (status.reason ?? `Http${httpStatus}`);
}

function detailOf(status: Status, httpStatus: number): string {
  // A decoding error quotes the body that could not be read, and a Secret's body must not reach a log.
  const quotesBody = httpStatus === 400 || httpStatus === 422;
  return quotesBody || !status.message ? '' : `: ${status.message.slice(0, 300)}`;
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds ? seconds * 1000 : undefined;
}
