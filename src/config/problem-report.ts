import type { ConfigProblem } from './config.ts';
import { positionOf } from './located-text.ts';
import type { LocatedText } from './located-text.ts';

/** Reads one value from a text; what is wrong goes into the report, and what is returned then serves only to read on. */
export type TextReader<Value> = (text: LocatedText, report: ProblemReport) => Value;

/** Collects everything there is to say about a configuration while it is read. */
export class ProblemReport {
  readonly problems: ConfigProblem[] = [];
  readonly warnings: ConfigProblem[] = [];

  /** The configuration cannot be used as it stands. */
  refuse(at: LocatedText, found: string, fix: string): void {
    add(this.problems, at, { found, fix });
  }

  /** The configuration can be used, though perhaps not as its author meant it. */
  warn(at: LocatedText, found: string, fix: string): void {
    add(this.warnings, at, { found, fix });
  }
}

/** More than anybody reads; a text of nothing but mistakes shall not make a thousand times its length of messages. */
const maxMessages = 100;

function add(messages: ConfigProblem[], at: LocatedText, said: Pick<ConfigProblem, 'found' | 'fix'>): void {
  if (messages.length < maxMessages) messages.push({ key: at.source.key, ...positionOf(at), ...said });
}

/** One line for logs and Events: where, what was found, what to write. */
export function formatProblem({ key, line, column, found, fix }: ConfigProblem): string {
  return `${key} line ${line}, column ${column}: found ${found}; write ${fix}`;
}

/** No name is longer. */
const maxLength = 253;

/** What has a part in JSON, in YAML's flow style or behind a query's name, and in no name. */
const structure = /[{}"=]/;

/** A name that speaks of a secret, and everything behind it. */
const secret = /(key|secret|token|password)([\w-]*)[^\w-].*/is;

/** The login in front of a host. A password may have any character. */
const userinfo = /^.*@/s;

/** Control and format characters, and every space but the plain one. */
const invisible = /(?! )[\p{Cc}\p{Cf}\p{Z}]/gu;

/** A user's text in a message: on one line, without a login, and cut behind the name of a secret. What may be one is not shown. */
export function quote(text: string): string {
  return mayBeSecret(text)
    ? 'a value that may be a secret'
    : verbatim(text.replace(userinfo, '…@').replace(secret, '$1$2…'));
}

/** A text that is known to be none of a user's secrets, in a message. */
export function verbatim(text: string): string {
  return `\`${text.toWellFormed().replace(invisible, escapeCharacter)}\``;
}

/** Does {@link quote} show all of the text? */
export function isShownWhole(text: string): boolean {
  return quote(text) === verbatim(text);
}

/** Does the text look like an AccessKey, a token, a login or what holds one, rather than like a name? */
function mayBeSecret(text: string): boolean {
  return text.length > maxLength || structure.test(text) || text.split(/[^A-Za-z0-9]/).some(isRandom);
}

/** As generated keys and base64 are: long, without a separator, of all kinds of characters. */
function isRandom(run: string): boolean {
  return run.length >= 16 && [/[a-z]/, /[A-Z]/, /\d/].every((kind) => kind.test(run));
}

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`;
}
