import { expect } from 'vitest';
import type { Config, RegistryEntry } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { formatProblem } from '../../src/config/problem-report.ts';

/** The configuration that the data must make. */
export function configOf(data: Record<string, string>): Config {
  const parsed = parseConfig(data);
  if (!parsed.ok) expect.fail(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config;
}

/** The entries that the text of `acr-registry-info` must make. */
export function registriesOf(registryInfo: string): readonly RegistryEntry[] {
  return configOf({ 'acr-registry-info': registryInfo }).registries;
}

/** One line for each problem that the data must have. */
export function problemsOf(data: Record<string, string>): string[] {
  const parsed = parseConfig(data);
  if (parsed.ok) expect.fail(`accepted as ${JSON.stringify(parsed.config)}`);
  return parsed.problems.map(formatProblem);
}

/** One line for each warning. */
export function warningsOf(data: Record<string, string>): string[] {
  return parseConfig(data).warnings.map(formatProblem);
}
