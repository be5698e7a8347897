const fieldName = /^[ \t]*(?:- +)?[A-Za-z][\w-]*:[ \t]+/;
const quotedItem = /"[^"]*"|'[^']*'/y;
const nextItem = /[ \t]*,[ \t]*(?:"[^"]*"|'[^']*'|[^\s"',#]+)/y;
const listEnd = /[ \t]*,/y;
const lineEnd = /[ \t]*(?:#[^]*)?$/y;

/**
 * `domains: "a.com","b.com"`, as the documentation has it: a field, an item in quotes, more behind commas, a comment. It becomes
 * one quoted scalar of the same width, but for the closing quote, so that what stands in it keeps its column.
 * No pattern here can match one text in two ways: the time that this takes grows with the line's length and no faster.
 */
export function joinQuotedItems(line: string): string {
  const start = fieldName.exec(line)?.[0].length;
  if (start === undefined) return line;
  const first = endOf(quotedItem, line, start);
  if (first === undefined) return line;
  let end = first;
  for (let next = endOf(nextItem, line, end); next !== undefined; next = endOf(nextItem, line, end)) end = next;
  if (end === first) return line;
  end = endOf(listEnd, line, end) ?? end;
  if (endOf(lineEnd, line, end) === undefined) return line;
  return `${line.slice(0, start)}"${line.slice(start + 1, end).replace(/["'\\]/g, ' ')}"${line.slice(end)}`;
}

/** Where what the sticky pattern matches at an offset ends. */
function endOf(pattern: RegExp, line: string, offset: number): number | undefined {
  pattern.lastIndex = offset;
  return pattern.test(line) ? pattern.lastIndex : undefined;
}
