import type { JsonMap } from './api-object.ts';
import { schemasByKind } from './protobuf-schemas.ts';
import type { FieldType, Schema } from './protobuf-schemas.ts';
import { unsupportedMediaType } from './status-error.ts';

export const protobufType = 'application/vnd.kubernetes.protobuf';

const magic = 'k8s\0';
const envelope: Schema = { 1: ['type', { 1: ['apiVersion', 'text'], 2: ['kind', 'text'] }] };
const rawField = 2;

/**
 * An object as typed clients send it, `kubectl create namespace` and Helm's release storage among them. Answers are
 * JSON, which they take, too. Throws a 415 for kinds that are not known here.
 */
export function decodeProtobuf(body: Buffer): JsonMap {
  if (body.subarray(0, magic.length).toString() !== magic) throw unsupportedMediaType([protobufType]);
  const unknown = body.subarray(magic.length);
  const { type } = readMessage(unknown, envelope) as { type?: { apiVersion?: string; kind?: string } };
  const schema = schemasByKind[type?.kind ?? ''];
  if (!schema) throw unsupportedMediaType(['application/json']);
  const raw = fieldsOf(unknown).find(({ number }) => number === rawField);
  return { ...type, ...readMessage(raw?.bytes ?? Buffer.alloc(0), schema) };
}

/** A field on the wire: a number, or bytes. */
interface WireField {
  number: number;
  value: number;
  bytes: Buffer;
}

function fieldsOf(message: Buffer): WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const value = varint();
    const isBytes = tag % 8 === 2;
    if (!isBytes && tag % 8 !== 0) throw unsupportedMediaType(['application/json']);
    const bytes = message.subarray(at, isBytes ? at + value : at);
    at += bytes.length;
    fields.push({ number: Math.floor(tag / 8), value, bytes });
  }
  return fields;
}

function readMessage(message: Buffer, schema: Schema): JsonMap {
  const object: JsonMap = {};
  for (const field of fieldsOf(message)) {
    const [name, type] = schema[field.number] ?? [];
    if (name !== undefined && type !== undefined) addField(object, name, type, field);
  }
  return object;
}

function addField(object: JsonMap, name: string, type: FieldType, { value, bytes }: WireField): void {
  if (Array.isArray(type)) append(object, name, readMessage(bytes, type[0]));
  else if (typeof type === 'object') object[name] = readMessage(bytes, type);
  else if (type === 'texts') append(object, name, bytes.toString());
  else if (type === 'textMap' || type === 'bytesMap') addEntry(object, name, type, bytes);
  else if (type === 'int') object[name] = value;
  else if (type === 'bool') object[name] = value === 1;
  // An empty text is one that was not set.
  else if (bytes.length > 0) object[name] = bytes.toString();
}

function append(object: JsonMap, name: string, item: unknown): void {
  const items = (object[name] ??= []) as unknown[];
  items.push(item);
}

function addEntry(object: JsonMap, name: string, type: 'textMap' | 'bytesMap', entry: Buffer): void {
  const [key, value] = [1, 2].map((number) => fieldsOf(entry).find((field) => field.number === number)?.bytes);
  const entries = (object[name] ??= {}) as JsonMap;
  entries[key?.toString() ?? ''] = value?.toString(type === 'bytesMap' ? 'base64' : 'utf8') ?? '';
}
