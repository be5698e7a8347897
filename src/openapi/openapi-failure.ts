import { isRecord } from '../json.ts';
import type { CloudCredentials } from './cloud-credentials.ts';
import { type ApiFailure, localFailureCodes } from './api-failure.ts';

/** What a body other than that of a success says, told without a secret. */
export function failureOfAnswer(
  body: unknown,
  answer: { status: number; retryAfterMs: number; credentials: CloudCredentials | undefined },
): ApiFailure {
  const fields = isRecord(body) ? body : {};
  const message = [fields.Message, fields.message].find((text) => typeof text === 'string');
  const requestId = wordOf(fields.RequestId ?? fields.requestId);
  return {
    code: wordOf(fields.Code ?? fields.code) ?? localFailureCodes.invalidResponse,
    status: answer.status,
    ...(message !== undefined && { detail: `the cloud says: ${redact(message, answer.credentials)}` }),
    ...(requestId !== undefined && { requestId }),
    ...(answer.retryAfterMs >= 0 && { retryAfterMs: answer.retryAfterMs }),
  };
}

/** Why there is no answer at all. @param error as undici throws it: it has a code. */
export function failureOfConnection(error: unknown, { host }: URL): ApiFailure {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  if (code === 'UND_ERR_ABORTED') {
    const detail = `the proxy lets no connection to ${host} through; see HTTPS_PROXY and NO_PROXY`;
    return { code: localFailureCodes.unreachable, detail };
  }
  const reason = [cause?.code, code].find((text) => typeof text === 'string') ?? 'no connection';
  return { code: localFailureCodes.unreachable, detail: `${host} cannot be reached: ${reason}` };
}

function wordOf(text: unknown): string | undefined {
  return typeof text === 'string' && /^[\w.-]{1,100}$/.test(text) ? text : undefined;
}

/** The gateway echoes what was signed with: anything that long is no word. */
function redact(text: string, credentials: CloudCredentials | undefined): string {
  return [credentials?.accessKeySecret, credentials?.securityToken]
    .filter((secret) => secret !== undefined && secret !== '')
    .reduce<string>((clean, secret) => clean.replaceAll(String(secret), '[redacted]'), text)
    .replace(/[\w+/=%-]{24,}/g, '[redacted]')
    .replace(/\s+/g, ' ')
    .slice(0, 200);
}
