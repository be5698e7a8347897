import { firstNames } from '../first-names.ts';
import type { Config, ConfigProblem, NamePattern, ParsedConfig } from './config.ts';
import { verbatim } from './problem-report.ts';

/**
 * The configuration as a service can follow it that has rights in some namespaces alone: it watches no others, and registers no
 * webhook, which would take rights in the whole cluster. What asks for more becomes a warning.
 */
export function confineConfig(parsed: ParsedConfig, namespaces: readonly string[]): ParsedConfig {
  if (!parsed.ok) return parsed;
  const { config } = parsed;
  return {
    ...parsed,
    config: {
      ...config,
      watchNamespaces: common(config.watchNamespaces, namespaces),
      webhook: { ...config.webhook, enabled: false },
    },
    warnings: [...parsed.warnings, ...warningsOf(config, namespaces)],
  };
}

function common(watched: NamePattern, namespaces: readonly string[]): readonly string[] {
  return watched === 'all' ? namespaces : watched.filter((name) => namespaces.includes(name));
}

function warningsOf({ watchNamespaces, webhook }: Config, namespaces: readonly string[]): ConfigProblem[] {
  const warnings: ConfigProblem[] = [];
  const others = watchNamespaces === 'all' ? [] : watchNamespaces.filter((name) => !namespaces.includes(name));
  if (others.length > 0) {
    warnings.push({
      key: 'watch-namespace',
      line: 1,
      column: 1,
      found: `${listed(others)}, where this service has no rights: --namespaces lists ${listed(namespaces)}`,
      fix: '`all` for those that it lists, or names of them',
    });
  }
  if (webhook.enabled) {
    warnings.push({
      key: 'webhook-configuration',
      line: 1,
      column: 1,
      found:
        'a webhook, which a service with --namespaces has no right to register: ServiceAccounts are attached to after their creation',
      fix: '`enable: false`',
    });
  }
  return warnings;
}

function listed(names: readonly string[]): string {
  return firstNames(names.map(verbatim), 5);
}
