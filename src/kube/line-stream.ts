/** The lines of a byte stream, without their ends; a last line without an end is incomplete and dropped. */
export async function* readLines(stream: AsyncIterable<Buffer | Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  for await (const chunk of stream) {
    const parts = decoder.decode(chunk, { stream: true }).split('\n');
    const rest = parts.pop() ?? '';
    for (const part of parts) {
      pieces.push(part);
      const line = pieces.join('');
      pieces = [];
      if (line) yield line;
    }
    pieces.push(rest);
  }
}
