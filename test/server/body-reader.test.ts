import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { BodyReader } from '../../src/server/body-reader.ts';

let reader: BodyReader;
beforeEach(() => (reader = new BodyReader({ bodyBytes: 3_000, heldBytes: 10_000 })));

/** A request of which so many bytes have come. */
async function begin(bytes: number) {
  const stream = new PassThrough();
  let outcome: unknown = 'unfinished';
  const body = reader.read(stream).then(
    (text) => (outcome = text.length),
    (error: unknown) => (outcome = (error as { code: unknown }).code),
  );
  stream.write('x'.repeat(bytes));
  await setImmediate();
  return { stream, body, outcome: () => outcome };
}

async function whole(bytes: number) {
  const request = await begin(bytes);
  request.stream.end();
  await request.body;
  return request;
}

describe('a body', () => {
  it('is text, however its bytes are cut', async () => {
    const stream = new PassThrough();
    const body = reader.read(stream);
    for (const byte of Buffer.from('{"whale":"🐳"}')) stream.write(Buffer.of(byte));
    stream.end();
    expect(await body).toBe('{"whale":"🐳"}');
  });

  it('may be as long as the limit, and no longer', async () => {
    expect((await whole(3_000)).outcome()).toBe(3_000);
    expect((await begin(3_001)).outcome()).toBe('BodyTooLarge');
  });

  it('that breaks off rejects with what it breaks with', async () => {
    const { stream, body, outcome } = await begin(10);
    stream.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    await body;
    expect(outcome()).toBe('ECONNRESET');
  });
});

describe('when too many bytes are held', () => {
  it('the incomplete body that began first makes room', async () => {
    const requests = [await begin(2_500), await begin(2_500), await begin(2_500), await begin(2_500)];
    expect(requests.map(({ outcome }) => outcome())).toEqual([
      'TooManyBytes',
      'unfinished',
      'unfinished',
      'unfinished',
    ]);
    const { stream, outcome, body } = await begin(10);
    stream.end();
    await body;
    expect(outcome()).toBe(10);
  });

  it('those that are complete are kept, and what still comes is refused until they are answered', async () => {
    const requests = [await whole(2_700), await whole(2_700), await whole(2_700)];
    expect(requests.map(({ outcome }) => outcome())).toEqual([2_700, 2_700, 2_700]);
    expect((await begin(2_700)).outcome()).toBe('TooManyBytes');
    for (const { stream } of requests) reader.release(stream);
    expect((await begin(2_700)).outcome()).toBe('unfinished');
  });

  it('nothing is counted twice, or left, by a body that was refused and released', async () => {
    for (let turn = 0; turn < 5; turn++) {
      const { stream, outcome } = await begin(3_001);
      expect(outcome()).toBe('BodyTooLarge');
      stream.write('x'.repeat(3_000));
      await setImmediate();
      reader.release(stream);
    }
    const requests = [await begin(2_900), await begin(2_900), await begin(2_900)];
    expect(requests.map(({ outcome }) => outcome())).toEqual(['unfinished', 'unfinished', 'unfinished']);
    expect((await begin(2_900)).outcome()).toBe('unfinished');
    expect(requests[0]?.outcome()).toBe('TooManyBytes');
  });
});
