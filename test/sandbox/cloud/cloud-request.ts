import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** One HTTP request, read to its end. */
export interface CloudRequest {
  method: string;
  pathname: string;
  pathAndQuery: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
  query: ReadonlyMap<string, string>;
  /** The parameters of the form in the body; empty when the body is something else. */
  form: ReadonlyMap<string, string>;
}

export interface CloudReply {
  status: number;
  /** An object is sent as JSON. */
  body: object | string;
  headers?: Record<string, string>;
}

/** A refusal as the gateway words it; `lowerCase` spells the fields the way the 2016 registry API does. */
export class CloudRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly lowerCase: boolean;

  constructor(status: number, code: string, message: string, lowerCase = false) {
    super(message);
    this.status = status;
    this.code = code;
    this.lowerCase = lowerCase;
  }
}

export async function readRequest(incoming: IncomingMessage): Promise<CloudRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const url = new URL(incoming.url ?? '/', 'http://emulator');
  const isForm = (incoming.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  return {
    method: incoming.method ?? 'GET',
    pathname: url.pathname,
    pathAndQuery: `${url.pathname}${url.search}`,
    headers: incoming.headers,
    body,
    query: new Map(url.searchParams),
    form: new Map(isForm ? new URLSearchParams(body.toString()) : []),
  };
}

/** A header with one value, or the empty string. */
export function headerOf(request: Pick<CloudRequest, 'headers'>, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

/** A parameter from the query or the form, or the empty string. */
export function parameterOf(request: CloudRequest, name: string): string {
  return request.query.get(name) ?? request.form.get(name) ?? '';
}

export function replyOf(refusal: CloudRefusal, host: string): CloudReply {
  const requestId = newRequestId();
  const { status, code, message } = refusal;
  return refusal.lowerCase
    ? { status, body: { requestId, code, message } }
    : { status, body: { RequestId: requestId, HostId: host, Code: code, Message: message } };
}

export function newRequestId(): string {
  return randomUUID().toUpperCase();
}
