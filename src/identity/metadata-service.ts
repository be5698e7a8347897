import { Agent, request as send } from 'undici';
import { systemClock, withDeadline } from '../clock.ts';
import { CodedError } from '../errors.ts';

export interface MetadataServiceOptions {
  /** `--metadata-endpoint`; absent: the address under which every ECS instance has it. */
  endpoint?: URL;
  /** For each of the two requests that one question takes. Default: 1 s. */
  timeoutMs?: number;
}

/** Codes of the CodedErrors thrown here. */
export const metadataErrorCodes = {
  /** Nobody answers: this is no ECS instance, or something is in between. */
  unreachable: 'MetadataUnreachable',
  /** It answers with an HTTP status other than 200 and 404. */
  refused: 'MetadataRefused',
  /** It has nothing at that path. */
  notFound: 'MetadataNotFound',
} as const;

/** Straight connections, whatever proxies there are: the address means something on this node alone. */
const dispatcher = new Agent();

const tokenHeader = 'x-aliyun-ecs-metadata-token';

/**
 * The metadata service of the ECS instance that this process runs on: version 2, which wants a token, else version 1.
 * Source: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
 */
export class MetadataService {
  readonly #endpoint: URL;
  readonly #timeoutMs: number;

  constructor(options: MetadataServiceOptions = {}) {
    this.#endpoint = options.endpoint ?? new URL('http://100.100.100.200');
    this.#timeoutMs = options.timeoutMs ?? 1000;
  }

  /**
   * The text at a path such as `/latest/meta-data/region-id`, without white space around it.
   * @throws CodedError with one of `metadataErrorCodes`, or the signal's reason.
   */
  async read(path: string, signal: AbortSignal): Promise<string> {
    const token = await this.#token(signal);
    return this.#request('GET', path, token === undefined ? {} : { [tokenHeader]: token }, signal);
  }

  /** Undefined where version 2 is not offered, or its answers are not let through to containers. */
  async #token(signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#request('PUT', '/latest/api/token', { [`${tokenHeader}-ttl-seconds`]: '60' }, signal);
    } catch (error) {
      if (error instanceof CodedError) return undefined;
      throw error;
    }
  }

  async #request(
    method: 'GET' | 'PUT',
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<string> {
    const url = new URL(path, this.#endpoint);
    const deadline = withDeadline(systemClock, this.#timeoutMs, signal);
    try {
      const options = { method, headers, dispatcher, signal: deadline.signal, reset: true } as const;
      const { statusCode, body } = await send(url, options);
      const text = await body.text();
      if (statusCode === 200) return text.trim();
      throw refusal(`${method} ${url.href}`, statusCode);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CodedError) throw error;
      throw new CodedError(`the metadata service does not answer at ${url.origin}: ${this.#reasonOf(error)}`, {
        code: metadataErrorCodes.unreachable,
        retryable: true,
      });
    } finally {
      deadline.clear();
    }
  }

  #reasonOf(error: unknown): string {
    const { name = '', code } = error as { name?: string; code?: unknown };
    if (name === 'TimeoutError') return `nothing within ${this.#timeoutMs} ms`;
    return typeof code === 'string' ? code : name;
  }
}

function refusal(request: string, status: number): CodedError {
  const code = status === 404 ? metadataErrorCodes.notFound : metadataErrorCodes.refused;
  const message = `the metadata service refused ${request}: HTTP ${status}`;
  return new CodedError(message, { code, retryable: status >= 500 });
}
