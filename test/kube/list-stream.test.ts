import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readList } from '../../src/kube/list-stream.ts';
import type { KubeList, KubeObject } from '../../src/kube/objects.ts';

/** The text as UTF-8, cut before each of these bytes. */
async function* piecesOf(text: string, cuts: readonly number[] = []): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  const inOrder = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  for (const [index, start] of inOrder.entries()) {
    await Promise.resolve();
    yield bytes.subarray(start, inOrder[index + 1]);
  }
}

async function read(text: string, cuts?: readonly number[]): Promise<KubeList<KubeObject>> {
  const items: KubeObject[] = [];
  const list = await readList<KubeObject>(piecesOf(text, cuts), (item, { resourceVersion }) => {
    expect(resourceVersion).toBe('7');
    items.push(item);
  });
  expect(list.items).toEqual([]);
  return { ...list, items };
}

const listOf = (items: readonly unknown[]) => ({
  kind: 'SecretList',
  apiVersion: 'v1',
  metadata: { resourceVersion: '7', continue: 'next', remainingItemCount: 3 },
  items,
});

/** What an escape, a bracket in a text or a character of several bytes could be taken for. */
const tricky = fc.constantFrom('\\', '"', '{', '}', '[', ']', ',', '\\"', '\\\\"}', '漢', '😀', '}],"items":[{');
const text = fc.string({ unit: fc.oneof(tricky, fc.string({ maxLength: 3 })), maxLength: 8 });
const { item } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.integer(),
    fc.constant(null),
    tie('item'),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
  item: fc.dictionary(text, tie('value'), { maxKeys: 4 }),
}));

describe('a list that is read as it arrives', () => {
  it('gives what JSON.parse gives, however it is cut and whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.constantFrom(undefined, 2),
        async (items, cuts, indent) => {
          const json = JSON.stringify(listOf(items), null, indent);
          expect(await read(json, cuts)).toEqual(JSON.parse(json));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('may be empty', async () => {
    expect(await read(`${JSON.stringify(listOf([]))}\n`)).toEqual(listOf([]));
  });

  it('of many pieces lets everything else have its turn', async () => {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    const items = Array.from({ length: 2_000 }, (_, index) => ({
      metadata: { name: `${index}` },
      data: 'x'.repeat(1_000),
    }));
    const json = JSON.stringify(listOf(items));
    const cuts = Array.from({ length: 200 }, (_, index) => index * 10_000);
    const list = await read(json, cuts);
    clearInterval(timer);
    expect(list.items).toHaveLength(2_000);
    expect(turns).toBeGreaterThan(3);
  });

  it('that is none is an error', async () => {
    await expect(read('<html>')).rejects.toThrow(SyntaxError);
  });
});
