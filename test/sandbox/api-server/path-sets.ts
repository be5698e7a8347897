export function union(a: Iterable<string>, b: Iterable<string>): Set<string> {
  return new Set([...a, ...b]);
}

export function difference(a: Iterable<string>, b: { has(path: string): boolean }): Set<string> {
  return new Set([...a].filter((path) => !b.has(path)));
}

export function isSame(a: Set<string>, b: Set<string>): boolean {
  return a.size === b.size && difference(a, b).size === 0;
}
