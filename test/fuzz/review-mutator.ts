import type { SeededRandom } from '../fakes/seeded-random.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What readers of JSON, of Kubernetes objects and of bytes stumble over. */
const texts = [
  '',
  'pods',
  'serviceaccounts',
  'CREATE',
  'UPDATE',
  'DELETE',
  '__proto__',
  'constructor',
  'toString',
  'pull',
  'false',
  '\u0000',
  '\ud800',
  'ÿ🐳',
  'x'.repeat(10_000),
  'shop-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1',
];
const numbers = [0, -0, -1, 1.5, 2 ** 53, -(2 ** 63), 1e308];
const keys = [
  ...['uid', 'request', 'object', 'oldObject', 'metadata', 'spec', 'imagePullSecrets', 'labels', 'annotations'],
  ...['managedFields', 'ownerReferences', 'containers', 'initContainers', 'volumes', 'image', 'name', 'dryRun'],
  ...['serviceAccountName', 'deletionTimestamp', 'fieldManager', 'options', 'operation', 'resource', 'subResource'],
  ...['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toJSON', 'length', ''],
];
const splices = ['{', '}', '[', ']', '"', ',', ':', '\\', '\\u', 'null', '1e999', '-', '\ufeff', '//', "'", '\u0000'];

/** No further changes to what has become that long. */
const LARGE = 50_000;

/** A body that is almost what an API server sends. @param corpus reviews as they are sent. */
export function mutatedReview(random: SeededRandom, corpus: readonly string[]): Uint8Array {
  const text = random.pick(corpus);
  switch (random.below(12)) {
    case 0:
      return flipped(random, Buffer.from(text));
    case 1:
      return Buffer.from(text).subarray(0, random.below(text.length));
    case 2:
      return Buffer.from(spliced(random, text, random.pick(splices)));
    case 3:
      return Buffer.from(crossed(random, text, random.pick(corpus)));
    case 4:
      return flipped(random, structured(random, text));
    default:
      return structured(random, text);
  }
}

/** Some bytes are others. */
function flipped(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let left = 1 + random.below(8); left > 0 && copy.length > 0; left--) {
    copy[random.below(copy.length)] = random.below(256);
  }
  return copy;
}

function spliced(random: SeededRandom, text: string, piece: string): string {
  const at = random.below(text.length);
  return text.slice(0, at) + piece.repeat(1 + random.below(50)) + text.slice(at + random.below(3));
}

/** The beginning of one and the end of another. */
function crossed(random: SeededRandom, first: string, second: string): string {
  return first.slice(0, random.below(first.length)) + second.slice(random.below(second.length));
}

/** Still JSON, but some values are others, are missing, moved, deeper or more. */
function structured(random: SeededRandom, text: string): Buffer {
  const review = JSON.parse(text) as Json;
  let changed = text;
  for (let left = 1 + random.below(6); left > 0 && changed.length < LARGE; left--) {
    changeSomewhere(random, review);
    changed = JSON.stringify(review);
  }
  return Buffer.from(changed);
}

function changeSomewhere(random: SeededRandom, root: Json): void {
  let place = root;
  // Deeper more often than not.
  for (;;) {
    const inner: Json[] = (Object.values(place as object) as Json[]).filter(
      (value) => typeof value === 'object' && value !== null,
    );
    // What is wrong at the top hides what is wrong below.
    const staysAbove = place === root ? random.below(20) === 0 : random.below(5) === 0;
    if (inner.length === 0 || staysAbove) break;
    place = random.pick(inner);
  }
  const container = place as Record<string, Json>;
  const known = Object.keys(container);
  const key = known.length > 0 && random.below(4) > 0 ? random.pick(known) : random.pick(keys);
  if (random.below(5) === 0) Reflect.deleteProperty(container, key);
  else define(container, key, anyValue(random, root, Object.hasOwn(container, key) ? container[key]! : null));
}

/** Even where the key is `__proto__`. */
function define(container: object, key: string, value: Json): void {
  if (Array.isArray(container) && key === 'length') return;
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

function anyValue(random: SeededRandom, root: Json, before: Json): Json {
  switch (random.below(9)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
      return random.pick(numbers);
    case 3:
      return [];
    case 4:
      return {};
    case 5:
      return Array.from({ length: random.below(20) }, () => structuredClone(before));
    case 6:
      return { [random.pick(keys)]: structuredClone(before) };
    case 7:
      return nested(random.below(200), before);
    default:
      return random.below(20) === 0 ? structuredClone(root) : random.pick(texts);
  }
}

function nested(depth: number, core: Json): Json {
  let value = structuredClone(core);
  for (let left = depth; left > 0; left--) value = left % 2 === 0 ? [value] : { a: value };
  return value;
}
