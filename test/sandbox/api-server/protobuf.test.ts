import { describe, expect, it } from 'vitest';
import { decodeProtobuf } from './protobuf.ts';
import { StatusError } from './status-error.ts';

const text = (value: string) => Buffer.from(value);

/** A field of bytes: its tag, its length, itself. */
function field(number: number, ...parts: Buffer[]): Buffer {
  const bytes = Buffer.concat(parts);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length % 128) + 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
}

const number = (field: number, value: number) => Buffer.from([field * 8, value]);
const entry = (key: string, value: Buffer) => Buffer.concat([field(1, text(key)), field(2, value)]);

function object(apiVersion: string, kind: string, ...fields: Buffer[]): Buffer {
  const type = field(1, field(1, text(apiVersion)), field(2, text(kind)));
  return Buffer.concat([text('k8s\0'), type, field(2, ...fields), field(3), field(4)]);
}

describe('protobuf bodies', () => {
  it('are read as the object that they hold', () => {
    const metadata = field(1, field(1, text('s')), field(2), field(11, entry('l', text('x'))), number(7, 0), field(8));
    const body = object(
      'v1',
      'Secret',
      metadata,
      field(2, entry('k', Buffer.from([0, 255]))),
      field(3, text('Opaque')),
    );
    expect(decodeProtobuf(body)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', labels: { l: 'x' } },
      data: { k: 'AP8=' },
      type: 'Opaque',
    });
  });

  it('keep every item of what repeats, falsehoods, and long texts', () => {
    const long = 'x'.repeat(300);
    const body = object(
      'v1',
      'ServiceAccount',
      field(1, field(1, text(long)), field(14, text('a')), field(14, text('b'))),
      field(3, field(1, text('p'))),
      field(3, field(1, text('q'))),
      number(4, 0),
    );
    expect(decodeProtobuf(body)).toMatchObject({
      metadata: { name: long, finalizers: ['a', 'b'] },
      imagePullSecrets: [{ name: 'p' }, { name: 'q' }],
      automountServiceAccountToken: false,
    });
  });

  it('of a kind that is not known, or that are none, are refused with 415', () => {
    for (const body of [object('v1', 'Node'), text('nonsense')]) {
      expect(() => decodeProtobuf(body)).toThrow(StatusError);
    }
  });
});
