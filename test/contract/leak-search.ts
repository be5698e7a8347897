/** A disguise in which a secret was found. */
export interface Leak {
  secret: string;
  disguise: 'plain' | 'URL-encoded' | 'base64' | 'hexadecimal';
  /** What stands before it. */
  after: string;
}

/** Looks for secrets as they are, and as parts of anything that was encoded. */
export function findLeaks(text: string, secrets: readonly string[]): Leak[] {
  return secrets.flatMap((secret) =>
    disguisesOf(secret).flatMap(([disguise, form]) => {
      const at = text.indexOf(form);
      return at < 0 ? [] : [{ secret, disguise, after: text.slice(Math.max(at - 60, 0), at) }];
    }),
  );
}

function disguisesOf(secret: string): [Leak['disguise'], string][] {
  const inBase64 = [0, 1, 2].map((offset): [Leak['disguise'], string] => ['base64', base64Core(secret, offset)]);
  return [
    ['plain', secret],
    ['URL-encoded', encodeURIComponent(secret)],
    ['hexadecimal', Buffer.from(secret).toString('hex')],
    ...inBase64,
  ];
}

/** The characters that stand for the secret in the base64 of a text that has it at an index of that remainder modulo 3. */
function base64Core(secret: string, offset: number): string {
  const encoded = Buffer.from('x'.repeat(offset) + secret).toString('base64');
  const whole = Math.floor(((offset + secret.length) * 4) / 3);
  return encoded.slice(Math.ceil((offset * 4) / 3), whole);
}
