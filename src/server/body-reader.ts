import type { Readable } from 'node:stream';
import { CodedError } from '../errors.ts';

export interface BodyLimits {
  /** Of one body. */
  bodyBytes: number;
  /** Of all bodies together whose requests are not answered yet. */
  heldBytes: number;
}

/** What is held of a request's body. */
interface Body {
  readonly request: Readable;
  readonly reject: (error: CodedError) => void;
  pieces: Buffer[];
  bytes: number;
  /** With what the pieces cost beside their bytes. */
  heldBytes: number;
  isWhole: boolean;
}

/** A body may come byte by byte, and each of them is an object of its own. */
const PIECE_OVERHEAD_BYTES = 256;

/**
 * Reads the bodies of requests, and bounds the memory that they take. What comes is counted, not what a head announces; and it
 * is the body that began first that makes room: of a client that means it, the whole is there in a moment, so that those who
 * never finish cannot keep the others out.
 */
export class BodyReader {
  readonly #limits: BodyLimits;
  /**
   * Of the requests that are not answered yet, those that began first at the front. An array: a Map that requests come to and go from
   * leaves dead tables behind, which keep them from the young generation's garbage collection.
   */
  readonly #bodies: Body[] = [];
  #heldBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /**
   * Holds the body until `release`.
   * @throws CodedError `BodyTooLarge`; `TooManyBytes`, retryable, when it had to make room for others; and what the connection
   * breaks with.
   */
  read(request: Readable): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const body: Body = { request, reject, pieces: [], bytes: 0, heldBytes: 0, isWhole: false };
    this.#bodies.push(body);
    request.on('data', (piece: Buffer) => this.#take(piece, body));
    request.on('end', () => {
      body.isWhole = true;
      resolve(textOf(body.pieces));
      body.pieces = [];
    });
    request.on('error', reject);
    return promise;
  }

  /** The request is answered, or its connection is gone. */
  release(request: Readable): void {
    const index = this.#bodies.findIndex((body) => body.request === request);
    const [body] = index < 0 ? [] : this.#bodies.splice(index, 1);
    if (!body) return;
    this.#heldBytes -= body.heldBytes;
    body.pieces = [];
  }

  #take(piece: Buffer, body: Body): void {
    if (!this.#bodies.includes(body)) return; // it was refused, and its connection is about to close
    body.pieces.push(piece);
    body.bytes += piece.length;
    body.heldBytes += piece.length + PIECE_OVERHEAD_BYTES;
    this.#heldBytes += piece.length + PIECE_OVERHEAD_BYTES;
    if (body.bytes > this.#limits.bodyBytes) {
      const message = `the body is too large: more than ${this.#limits.bodyBytes} bytes`;
      this.#refuse(body, new CodedError(message, { code: 'BodyTooLarge', retryable: false }));
    }
    while (this.#heldBytes > this.#limits.heldBytes && this.#makeRoom());
  }

  /** @returns whether there was a body that could be let go of. */
  #makeRoom(): boolean {
    const body = this.#bodies.find(({ isWhole }) => !isWhole);
    if (!body) return false;
    const message = 'too many bytes of other requests are in flight, and this one was not complete yet';
    this.#refuse(body, new CodedError(message, { code: 'TooManyBytes', retryable: true }));
    return true;
  }

  #refuse(body: Body, error: CodedError): void {
    body.reject(error);
    this.release(body.request);
  }
}

/** Of what came in one piece, as almost every body does, no copy is made first. */
function textOf(pieces: readonly Buffer[]): string {
  const [first, ...others] = pieces;
  return first && others.length === 0 ? first.toString() : Buffer.concat(pieces).toString();
}
