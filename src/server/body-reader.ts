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
  pieces: Buffer[];
  bytes: number;
  /** With what the pieces cost beside their bytes. */
  heldBytes: number;
  isWhole: boolean;
  reject: (error: CodedError) => void;
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
  /** Of the requests that are not answered yet, those that began first at the front. */
  readonly #bodies = new Map<Readable, Body>();
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
    const body: Body = { pieces: [], bytes: 0, heldBytes: 0, isWhole: false, reject };
    this.#bodies.set(request, body);
    request.on('data', (piece: Buffer) => this.#take(piece, request));
    request.on('end', () => {
      body.isWhole = true;
      resolve(Buffer.concat(body.pieces).toString());
      body.pieces = [];
    });
    request.on('error', reject);
    return promise;
  }

  /** The request is answered, or its connection is gone. */
  release(request: Readable): void {
    const body = this.#bodies.get(request);
    if (!body) return;
    this.#bodies.delete(request);
    this.#heldBytes -= body.heldBytes;
    body.pieces = [];
  }

  #take(piece: Buffer, request: Readable): void {
    const body = this.#bodies.get(request);
    if (!body) return; // it was refused, and its connection is about to close
    body.pieces.push(piece);
    body.bytes += piece.length;
    body.heldBytes += piece.length + PIECE_OVERHEAD_BYTES;
    this.#heldBytes += piece.length + PIECE_OVERHEAD_BYTES;
    if (body.bytes > this.#limits.bodyBytes) {
      const message = `the body is too large: more than ${this.#limits.bodyBytes} bytes`;
      this.#refuse(request, new CodedError(message, { code: 'BodyTooLarge', retryable: false }));
    }
    while (this.#heldBytes > this.#limits.heldBytes && this.#makeRoom());
  }

  /** @returns whether there was a body that could be let go of. */
  #makeRoom(): boolean {
    for (const [request, { isWhole }] of this.#bodies) {
      if (isWhole) continue;
      const message = 'too many bytes of other requests are in flight, and this one was not complete yet';
      this.#refuse(request, new CodedError(message, { code: 'TooManyBytes', retryable: true }));
      return true;
    }
    return false;
  }

  #refuse(request: Readable, error: CodedError): void {
    this.#bodies.get(request)?.reject(error);
    this.release(request);
  }
}
