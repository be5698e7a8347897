import { createCipheriv, randomBytes } from 'node:crypto';
import type { EmulatedSession } from './identity-store.ts';
import { credentialsOf } from './sts-actions.ts';

/** The file through which a managed cluster hands a session to an add-on: JSON with encrypted values. */
export function encryptManagedToken(session: EmulatedSession, keyring = randomBytes(16).toString('hex')): string {
  const { Expiration } = credentialsOf(session) as { Expiration: string };
  return JSON.stringify({
    'access.key.id': encrypt(session.accessKeyId, keyring),
    'access.key.secret': encrypt(session.accessKeySecret, keyring),
    'security.token': encrypt(session.securityToken, keyring),
    expiration: Expiration,
    keyring,
  });
}

/** The file as it is when the cluster could not get a session. */
export function refusedManagedToken(error: { roleName?: string; code?: string; message?: string }): string {
  return JSON.stringify({ 'access.key.id': '', 'access.key.secret': '', 'security.token': '', keyring: '', error });
}

function encrypt(text: string, keyring: string): string {
  const iv = randomBytes(16);
  const key = Buffer.from(keyring);
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, iv);
  return Buffer.concat([iv, cipher.update(text), cipher.final()]).toString('base64');
}
