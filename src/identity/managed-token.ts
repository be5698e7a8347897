import { createDecipheriv } from 'node:crypto';
import { CredentialsError } from '../errors.ts';
import { isRecord, parseJson } from '../json.ts';
import { type Session, sessionOf } from './session.ts';

/** Codes of the CredentialsErrors thrown here. */
export const managedTokenErrorCodes = {
  /** It is not what is written there, or does not decrypt. */
  unreadable: 'ManagedTokenUnreadable',
  /** Whoever writes it could not get a session, and says why in it. */
  refused: 'ManagedTokenRefused',
} as const;

const IV_BYTES = 16;

/**
 * The content of the file through which a managed cluster hands a session of its service role to an add-on: JSON whose values
 * are base64 of an initialisation vector and what AES-CBC made of the text; the key is the bytes of `keyring`.
 * @throws CredentialsError, which tells nothing of what is in it but the `error`.
 */
export function readManagedToken(text: string): Session {
  const token = parseJson(text);
  if (!isRecord(token)) throw unreadable('it holds no JSON object');
  if (isRecord(token.error)) throw refused(token.error);
  const read = (name: string) => decrypt(token[name], token.keyring);
  const session = sessionOf({
    accessKeyId: read('access.key.id'),
    accessKeySecret: read('access.key.secret'),
    securityToken: read('security.token'),
    expiration: token.expiration,
  });
  if (!session) throw unreadable('access.key.id, access.key.secret, security.token, expiration and keyring do not fit');
  return session;
}

function decrypt(value: unknown, keyring: unknown): string | undefined {
  if (typeof value !== 'string' || typeof keyring !== 'string') return undefined;
  const bytes = Buffer.from(value, 'base64');
  const key = Buffer.from(keyring);
  try {
    const decipher = createDecipheriv(`aes-${key.length * 8}-cbc`, key, bytes.subarray(0, IV_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES)), decipher.final()]).toString();
  } catch {
    return undefined; // another key's, or no cipher's, length included
  }
}

function unreadable(why: string): CredentialsError {
  return new CredentialsError(`${why}; reinstall the add-on that the cluster manages, or choose another --token-mode`, {
    code: managedTokenErrorCodes.unreadable,
    retryable: true,
  });
}

function refused(error: Record<string, unknown>): CredentialsError {
  const [role = '', code, message] = [error.roleName, error.code, error.message].map(inOneLine);
  const reasons = [code, message].filter((part) => part !== '');
  const what = reasons.length === 0 ? 'no reason given' : reasons.join(': ');
  return new CredentialsError(
    `the cluster could not assume the role ${role === '' ? 'of the add-on' : role} (${what}); ` +
      'authorise it in the Container Service console',
    { code: managedTokenErrorCodes.refused, retryable: true },
  );
}

/** Somebody else's words, from which anything that could be a key is taken. */
function inOneLine(value: unknown): string {
  const text = typeof value === 'string' ? value : '';
  return text
    .replace(/[\w+/=%]{24,}/g, '[redacted]')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
}
