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
    this.problems.push({ key: at.source.key, ...positionOf(at), found, fix });
  }

  /** The configuration can be used, though perhaps not as its author meant it. */
  warn(at: LocatedText, found: string, fix: string): void {
    this.warnings.push({ key: at.source.key, ...positionOf(at), found, fix });
  }
}

/** One line for logs and Events: where, what was found, what to write. */
export function formatProblem({ key, line, column, found, fix }: ConfigProblem): string {
  return `${key} line ${line}, column ${column}: found ${found}; write ${fix}`;
}

const maxQuotedLength = 160;

/** A name that speaks of a secret, and everything behind it. */
const secret = /(key|secret|token|password)([\w-]*)[^\w-].*/is;

/** Control and format characters, and every space but the plain one. */
const invisible = /(?! )[\p{Cc}\p{Cf}\p{Z}]/gu;

/** A user's text in a message: on one line, not too long, and cut behind the name of a secret. */
export function quote(text: string): string {
  const short = text.length > maxQuotedLength ? `${text.slice(0, maxQuotedLength)}…` : text;
  return `\`${short.replace(secret, '$1$2…').toWellFormed().replace(invisible, escapeCharacter)}\``;
}

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`;
}
