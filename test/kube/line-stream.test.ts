import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLines } from '../../src/kube/line-stream.ts';

async function linesOf(chunks: Uint8Array[]): Promise<string[]> {
  const lines: string[] = [];
  const stream = async function* () {
    await Promise.resolve();
    yield* chunks;
  };
  for await (const line of readLines(stream())) lines.push(line);
  return lines;
}

/** Cuts bytes at these places. */
function cut(bytes: Buffer, places: number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

describe('the lines of a stream', () => {
  it('are whole wherever the stream is cut, within a character too', async () => {
    const character = fc.constantFrom('a', '{', ' ', '\r', 'é', '漢', '😀');
    const line = fc.string({ unit: character, minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (lines, places) => {
        const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''));
        expect(await linesOf(cut(bytes, places))).toEqual(lines);
      }),
    );
  });

  it('leave out what is empty, and a last one that was cut off', async () => {
    expect(await linesOf([Buffer.from('a\n\n\nb\nc')])).toEqual(['a', 'b']);
  });
});
