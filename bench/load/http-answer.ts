/** Reads the answers that come one after another on a connection; each has a Content-Length and the status 200. */
export class AnswerReader {
  #held: Buffer = Buffer.alloc(0);

  /** @returns the next answer's body once all of it is there. @throws on any other answer. */
  take(piece: Buffer): string | undefined {
    this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    const headLength = this.#held.indexOf('\r\n\r\n');
    if (headLength < 0) return undefined;
    const head = this.#held.toString('latin1', 0, headLength);
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? [];
    if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) throw new Error(`unexpected answer:\n${head}`);
    const end = headLength + 4 + Number(length);
    if (this.#held.length < end) return undefined;
    const body = this.#held.toString('latin1', headLength + 4, end);
    this.#held = this.#held.subarray(end);
    return body;
  }
}
