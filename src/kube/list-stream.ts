import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KubeList, KubeObject } from './objects.ts';

/** Told of an item of a list, and what the list says of itself. */
export type ItemListener<T extends KubeObject> = (item: T, list: KubeList<T>['metadata']) => void;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
/** What a byte outside of a text does to the depth. */
const STEPS = new Int8Array(256);
for (const bracket of '{[') STEPS[bracket.charCodeAt(0)] = 1;
for (const bracket of '}]') STEPS[bracket.charCodeAt(0)] = -1;
/** Within the list and its array of items. `metadata` of a list, which is as deep as that array, holds nothing as deep. */
const ITEM_DEPTH = 3;
/** Everything else has its turn after so many bytes. */
const BYTES_A_TURN = 65_536;

/** Where the JSON of a list is cut. */
interface Cut {
  at: number;
  isEnd: boolean;
}

/**
 * Reads a list as it arrives.
 * @returns it without its items. @throws SyntaxError
 */
export async function readList<T extends KubeObject>(
  stream: AsyncIterable<Uint8Array>,
  onItem: ItemListener<T>,
): Promise<KubeList<T>> {
  const texts = splitList(stream);
  const { value: head } = (await texts.next()) as IteratorResult<string, undefined>;
  const list = JSON.parse(head ?? '') as KubeList<T>;
  for await (const text of texts) onItem(JSON.parse(text) as T, list.metadata);
  return list;
}

/**
 * The JSON of a Kubernetes list that is still arriving: first that of the list without its items, then that of each item. A list
 * of any size takes the memory of an item then, and stalls nothing: the API server does not page what it answers from its cache.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
 */
async function* splitList(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const findCuts = cutFinder();
  let begun: Uint8Array[] = [];
  const take = (piece: Uint8Array) => Buffer.concat([...begun, piece]).toString();
  let isInHead = true;
  let bytes = 0;
  for await (const piece of stream) {
    let start = 0;
    for (const { at, isEnd } of findCuts(piece)) {
      if (isEnd) yield take(piece.subarray(start, at));
      else if (isInHead) yield `${take(piece.subarray(start, at))}]}`;
      isInHead = false;
      // What stands between two items is of no use.
      begun = [];
      start = at;
    }
    begun.push(piece.subarray(start));
    bytes += piece.length;
    if (bytes < BYTES_A_TURN) continue;
    bytes = 0;
    await nextTurn();
  }
  if (isInHead) yield take(new Uint8Array());
}

/** Finds in one piece after another where items begin and end. */
function cutFinder(): (piece: Uint8Array) => Cut[] {
  let depth = 0;
  let isInText = false;
  let next = 0;
  return (piece) => {
    const cuts: Cut[] = [];
    let index = next;
    for (; index < piece.length; index += 1) {
      if (isInText) {
        index = endOfText(piece, index);
        isInText = index >= piece.length;
        if (isInText) break;
        continue;
      }
      const byte = piece[index] ?? 0;
      isInText = byte === QUOTE;
      const step = STEPS[byte] ?? 0;
      depth += step;
      if (step > 0 && depth === ITEM_DEPTH) cuts.push({ at: index, isEnd: false });
      if (step < 0 && depth === ITEM_DEPTH - 1) cuts.push({ at: index + 1, isEnd: true });
    }
    next = index - piece.length;
    return cuts;
  };
}

/** The index of the quote that ends a text; beyond the piece where that is not in it, by one more where its first byte is escaped. */
function endOfText(piece: Uint8Array, start: number): number {
  let index = start;
  while (index < piece.length && piece[index] !== QUOTE) index += piece[index] === BACKSLASH ? 2 : 1;
  return index;
}
