/** `name, name and 3 more`: the first of many. */
export function firstNames(names: readonly string[], atMost: number): string {
  const more = names.length > atMost ? ` and ${names.length - atMost} more` : '';
  return names.slice(0, atMost).join(', ') + more;
}
