import { parseArgs } from 'node:util';
import { parseDuration } from '../config/duration.ts';
import { isName, namespaceRule, secretRule, type NameRule } from '../config/object-name.ts';
import { quote } from '../config/problem-report.ts';

export interface Flag {
  default?: string;
  /** The value's placeholder. */
  value: string;
  help: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every flag that does not do, at once. */
export class OptionsError extends Error {
  constructor(problems: string[]) {
    super(problems.join('\n'));
    this.name = 'OptionsError';
  }
}

/** The flags of one command, as given. */
export interface FlagReader<Name extends string> {
  /** The text of a flag; a flag wins over its environment variable (`--webhook-url` = `ACR_INJECTOR_WEBHOOK_URL`). */
  textOf: (name: Name) => string | undefined;
  /** The value of a flag; undefined when there is none, or when `parse` makes nothing of it. */
  read: <T>(name: Name, parse: (text: string) => T | undefined) => T | undefined;
  required: <T>(name: Name, parse: (text: string) => T | undefined, fallback: T) => T;
  /** To be called when all are read. @throws OptionsError */
  check: () => void;
}

/** @throws OptionsError for a flag that is not in the table. */
export function readFlags<Name extends string>(
  flags: Readonly<Record<Name, Flag>>,
  args: string[],
  environment: Environment,
): FlagReader<Name> {
  const given = givenFlags(Object.keys(flags), args);
  const problems: string[] = [];
  const textOf = (name: Name) => firstSet(given[name], environment[environmentName(name)], flags[name].default);
  const read = <T>(name: Name, parse: (text: string) => T | undefined): T | undefined => {
    const text = textOf(name);
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined)
      problems.push(`--${name}: ${quote(text)} is no ${flags[name].value} (${flags[name].help})`);
    return value;
  };
  return {
    textOf,
    read,
    required: (name, parse, fallback) => read(name, parse) ?? fallback,
    check: () => {
      if (problems.length > 0) throw new OptionsError(problems);
    },
  };
}

/** The flags for `--help`, one a line. */
export function describeFlags(flags: Readonly<Record<string, Flag>>): string {
  return Object.entries(flags)
    .map(([name, { value, help, default: fallback }]) => {
      const text = fallback === undefined ? help : `${help}; default: ${fallback}`;
      return `  ${`--${name} ${value}`.padEnd(36)} ${text}`;
    })
    .join('\n');
}

/** The first text that says something: an empty one says nothing, as a template leaves it. */
export function firstSet(...texts: (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}

export function parseSecretName(text: string): string | undefined {
  return isName(text, secretRule) ? text : undefined;
}

/** A comma list, each name once. */
export function parseSecretNames(text: string): string[] | undefined {
  return parseNames(text, secretRule);
}

/** A comma list, each name once. */
export function parseNamespaces(text: string): string[] | undefined {
  return parseNames(text, namespaceRule);
}

export function parseBoolean(text: string): boolean | undefined {
  return text === 'true' || (text === 'false' ? false : undefined);
}

export function parsePositiveDuration(text: string): number | undefined {
  const durationMs = parseDuration(text);
  return durationMs !== undefined && durationMs > 0 ? durationMs : undefined;
}

/** 0 among them. */
export function parseNonNegativeDuration(text: string): number | undefined {
  const durationMs = parseDuration(text);
  return durationMs !== undefined && durationMs >= 0 ? durationMs : undefined;
}

function parseNames(text: string, rule: NameRule): string[] | undefined {
  const names = text.split(',').map((name) => name.trim());
  return names.every((name) => isName(name, rule)) ? [...new Set(names)] : undefined;
}

function environmentName(flag: string): string {
  return `ACR_INJECTOR_${flag.toUpperCase().replaceAll('-', '_')}`;
}

function givenFlags(names: readonly string[], args: string[]): Readonly<Record<string, string | undefined>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new OptionsError([error instanceof Error ? error.message : String(error)]);
  }
}
