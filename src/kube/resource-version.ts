/**
 * Orders two resourceVersions of one resource: negative when `a` is older. They are decimal numbers beyond what a JavaScript
 * number holds exactly. Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
export function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
