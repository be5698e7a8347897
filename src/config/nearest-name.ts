const maxEdits = 2;
const maxLength = 64;

/**
 * The known name that a misspelt one was probably meant to be: alike but for case and separators, two edits away, or begun with
 * it and cut in its second half.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > maxLength) return undefined;
  const misspelt = plain(name);
  let nearest: string | undefined;
  let fewestEdits = maxEdits + 1;
  for (const candidate of known) {
    const edits = countEdits(misspelt, plain(candidate));
    if (edits < fewestEdits && edits * 3 <= candidate.length) {
      nearest = candidate;
      fewestEdits = edits;
    }
  }
  return nearest ?? [...known].find((candidate) => isBeginning(misspelt, plain(candidate)));
}

function isBeginning(text: string, whole: string): boolean {
  return whole.startsWith(text) && text.length * 2 > whole.length;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_. ]/g, '');
}

/** Levenshtein's distance: characters to insert, delete or replace. */
function countEdits(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = at(previous, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, at(previous, column) + 1, at(current, column - 1) + 1));
    }
    previous = current;
  }
  return at(previous, to.length);
}

function at(edits: readonly number[], column: number): number {
  return edits[column] ?? Number.POSITIVE_INFINITY;
}
