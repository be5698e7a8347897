import type { Import, SourceFile } from './import-graph.ts';

/** The folders, from those that stand alone to those that use the most; each with the folders that it may import from. */
export const arrows: Readonly<Record<string, readonly string[]>> = {
  kube: [],
  config: ['kube'],
  leadership: ['kube'],
  openapi: [],
  identity: ['config', 'kube', 'openapi'],
  certificates: ['kube'],
  registry: ['config', 'openapi'],
  targets: ['config', 'kube'],
  credentials: ['config', 'identity', 'kube', 'openapi', 'registry'],
  secrets: ['config', 'credentials', 'kube', 'targets'],
  webhook: ['config', 'kube', 'secrets', 'targets'],
  cleanup: ['certificates', 'credentials', 'kube', 'leadership', 'secrets', 'targets', 'webhook'],
  admission: ['config', 'credentials', 'kube', 'registry', 'secrets', 'targets', 'webhook'],
  server: ['admission', 'certificates', 'webhook'],
  telemetry: ['admission', 'certificates', 'config', 'credentials', 'kube', 'secrets'],
  commands: ['cleanup', 'config', 'identity', 'kube', 'server', 'telemetry'],
  app: [
    ...['admission', 'certificates', 'commands', 'config', 'credentials', 'identity', 'kube', 'leadership', 'openapi'],
    ...['registry', 'secrets', 'server', 'targets', 'telemetry', 'webhook'],
  ],
};

/** Files beside the folders: what everybody may import, and imports none of them. The others are where it all begins. */
export const foundations: readonly string[] = [
  'back-off.ts',
  'clock.ts',
  'errors.ts',
  'first-names.ts',
  'glob.ts',
  'in-turns.ts',
  'json.ts',
  'region-id.ts',
  'remembered.ts',
  'single-flight.ts',
];

/** Which files may import a package: a folder, or one file. Packages that are not listed are nobody's. */
export const owners: Readonly<Record<string, readonly string[]>> = {
  '@kubernetes/client-node': ['kube/connection.ts'],
  undici: [
    'kube/connection.ts',
    'kube/kube-client.ts',
    'kube/whole-answer.ts',
    'openapi/',
    'identity/metadata-service.ts',
  ],
  '@alicloud/openapi-core': ['openapi/openapi-call.ts'],
  'node-forge': ['certificates/'],
  'js-yaml': ['config/'],
  fastify: ['server/'],
  pino: ['telemetry/'],
  'prom-client': ['telemetry/', 'server/status-server.ts'],
};

/** Files that decide, and do nothing else: neither they nor what they load touches files, the network, timers or a log. */
export const pureFiles: readonly string[] = [
  'admission/admission-review.ts',
  'admission/admission-view.ts',
  'admission/deadline.ts',
  'admission/injection.ts',
  'admission/managed-keys.ts',
  'admission/own-request.ts',
  'admission/pod-injection.ts',
  'admission/service-account-injection.ts',
  'admission/verdict.ts',
  'admission/warning.ts',
  'certificates/rotation-policy.ts',
  'cleanup/lease-policy.ts',
  'cleanup/leftovers.ts',
  'config/account-limit.ts',
  'config/align-fields.ts',
  'config/config.ts',
  'config/confine-config.ts',
  'config/duration.ts',
  'config/entry-identity.ts',
  'config/extra-auths.ts',
  'config/field-names.ts',
  'config/field-reader.ts',
  'config/join-quoted-items.ts',
  'config/listed-names.ts',
  'config/located-text.ts',
  'config/mend-yaml.ts',
  'config/name-pattern.ts',
  'config/excluded-namespaces.ts',
  'config/nearest-name.ts',
  'config/notify-email.ts',
  'config/object-name.ts',
  'config/parse-config.ts',
  'config/problem-report.ts',
  'config/public-config.ts',
  'config/referenced-secret-names.ts',
  'config/registry-domain.ts',
  'config/registry-entry-key.ts',
  'config/registry-globs.ts',
  'config/registry-info.ts',
  'config/registry-login.ts',
  'config/rrsa.ts',
  'config/switch-mapping.ts',
  'config/unread-setting.ts',
  'config/webhook-configuration.ts',
  'config/yaml-node.ts',
  'config/yaml-syntax.ts',
  'credentials/docker-config.ts',
  'credentials/refresh-policy.ts',
  'credentials/tokens-secret.ts',
  'first-names.ts',
  'glob.ts',
  'identity/managed-token.ts',
  'identity/session.ts',
  'identity/token-mode.ts',
  'json.ts',
  'kube/field-manager.ts',
  'kube/resource-version.ts',
  'kube/resources.ts',
  'leadership/election-policy.ts',
  'leadership/lease.ts',
  'openapi/api-failure.ts',
  'openapi/api-hosts.ts',
  'region-id.ts',
  'registry/acr-response.ts',
  'registry/auth-key-matcher.ts',
  'registry/image-reference.ts',
  'registry/managed-domains.ts',
  'registry/registry-host.ts',
  'secrets/pull-secret-sources.ts',
  'secrets/pull-secret.ts',
  'secrets/pull-secrets-state.ts',
  'secrets/secret-drift.ts',
  'secrets/secret-layers.ts',
  'targets/registry-scope.ts',
  'targets/secret-references.ts',
  'targets/list-ownership.ts',
  'targets/service-account-drift.ts',
  'targets/target-selector.ts',
  'webhook/match-conditions.ts',
  'webhook/reach.ts',
  'webhook/self-test-request.ts',
  'webhook/registration-drift.ts',
  'webhook/webhook-configuration.ts',
];

/** Packages and modules of Node that compute and do nothing else. */
const pureModules: readonly string[] = ['node:crypto', 'node:util', 'node:net', 'js-yaml', 'node-forge'];

/** What makes a result depend on more than the arguments. */
const impureNames: readonly string[] = [
  'Date.now',
  'Math.random',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'console',
  'fetch',
];

/** Every import and name that breaks a rule, in words; `src` files only. */
export function violations(sources: readonly SourceFile[]): string[] {
  const imports = sources.flatMap((source) => source.imports);
  return [
    ...imports.filter((each) => !isOwned(each)).map(({ from, to }) => `${from} may not import the package ${to}`),
    ...imports.filter((each) => !followsArrows(each)).map(({ from, to }) => `${from} may not import ${to}`),
    ...pureFiles.flatMap((path) => impuritiesOf(path, sources)),
  ];
}

/** The files that lead back to themselves when they are loaded. */
export function cyclesIn(edges: readonly Pick<Import, 'from' | 'to'>[]): string[] {
  const targets = Map.groupBy(edges, ({ from }) => from);
  const reachable = (start: string) => {
    const found = new Set<string>();
    const open = [start];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const next = (targets.get(path) ?? []).map(({ to }) => to).filter((to) => !found.has(to));
      for (const to of next) found.add(to);
      open.push(...next);
    }
    return found;
  };
  return [...targets.keys()].filter((path) => reachable(path).has(path));
}

function isOwned({ from, to }: Import): boolean {
  if (to.startsWith('node:') || to.endsWith('.ts')) return true;
  return (owners[to] ?? []).some((owner) => from === owner || (owner.endsWith('/') && from.startsWith(owner)));
}

function followsArrows({ from, to }: Import): boolean {
  if (!to.endsWith('.ts')) return true;
  const [fromFolder, toFolder] = [folderOf(from), folderOf(to)];
  if (fromFolder === '') return !foundations.includes(from) || foundations.includes(to);
  if (toFolder === '') return foundations.includes(to);
  return fromFolder === toFolder || (arrows[fromFolder]?.includes(toFolder) ?? false);
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

/** What a file loads or names, itself or through what it loads, that is not pure. */
function impuritiesOf(path: string, sources: readonly SourceFile[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const loaded = new Set([path]);
  const found: string[] = [];
  for (const each of loaded) {
    const source = byPath.get(each);
    if (!source) found.push(each === path ? `${path} is not there` : `${path} loads ${each}`);
    const names = impureNames.filter((name) => source?.names.has(name));
    found.push(...names.map((name) => `${path} uses ${name}${each === path ? '' : ` through ${each}`}`));
    for (const { to, isTypeOnly } of source?.imports ?? [])
      if (!isTypeOnly && !pureModules.includes(to)) loaded.add(to);
  }
  return found;
}
