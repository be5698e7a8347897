import type { Dispatcher } from 'undici';

const decoder = new TextDecoder();

/** What a server answered, read to its end. */
export interface WholeAnswer {
  statusCode: number;
  headers: Dispatcher.ResponseData['headers'];
  text: string;
}

/**
 * Sends a request and reads its answer to the end, without the streams that undici's `request` makes of it: those are a quarter of
 * what a write costs. Rejects when the request cannot be sent, `signal` fires, or the answer breaks off; of a refusal that
 * does, the status is kept.
 * Source: https://github.com/nodejs/undici/blob/main/docs/docs/api/Dispatcher.md#dispatcherdispatchoptions-handler
 */
export async function wholeAnswer(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal,
): Promise<WholeAnswer> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<WholeAnswer>();
  let controller: Dispatcher.DispatchController | undefined;
  const abort = () => {
    const reason = signal.reason as Error;
    controller?.abort(reason);
    // One that still waits for a connection tells nobody.
    reject(reason);
  };
  let head = { statusCode: 0, headers: {} };
  const pieces: Buffer[] = [];
  signal.addEventListener('abort', abort, { once: true });
  dispatcher.dispatch(options, {
    onRequestStart(started) {
      controller = started;
      // Its time ran out while it waited: what is sent now would be done when nobody expects it any more.
      if (signal.aborted) abort();
    },
    onResponseStart(_, statusCode, headers) {
      // An interim answer is followed by the one that counts.
      head = { statusCode, headers };
    },
    onResponseData(_, piece) {
      pieces.push(piece);
    },
    onResponseEnd() {
      signal.removeEventListener('abort', abort);
      resolve({ ...head, text: decoder.decode(Buffer.concat(pieces)) });
    },
    onResponseError(_, error) {
      signal.removeEventListener('abort', abort);
      // A refusal is one, whatever became of its words.
      if (head.statusCode >= 300) resolve({ ...head, text: '' });
      else reject(error);
    },
  });
  return promise;
}
