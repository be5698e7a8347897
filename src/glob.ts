/**
 * Does the glob make the text of it? Of the glob's places `*` stands for any characters, each other one for a character: itself, or
 * one that an expression fits. Takes no longer than the lengths of both multiplied, however many stars there are.
 */
export function matchesGlob(glob: ArrayLike<string | RegExp>, text: string): boolean {
  let [place, at] = [0, 0];
  /** What follows the last star, and where in the text that was last looked for. */
  let afterStar: { place: number; at: number } | undefined;
  while (at < text.length) {
    const wanted = glob[place];
    if (wanted === '*') {
      place += 1;
      afterStar = { place, at };
    } else if (fits(wanted, text.charAt(at))) {
      place += 1;
      at += 1;
    } else if (afterStar) {
      // An earlier star need not be tried again: what stands between two is best found as early as can be.
      afterStar.at += 1;
      ({ place, at } = afterStar);
    } else return false;
  }
  while (glob[place] === '*') place += 1;
  return place === glob.length;
}

function fits(wanted: string | RegExp | undefined, character: string): boolean {
  return wanted instanceof RegExp ? wanted.test(character) : wanted === character;
}
