/** So many are remembered; what more there are, somebody has made up. */
const MOST = 1_000;

/** What is made of a text is made once, and whoever asks for the same gets the same object. */
export class Remembered<T extends object> {
  readonly #made = new Map<string, T>();

  of(key: string, make: () => T): T {
    const known = this.#made.get(key);
    if (known) return known;
    if (this.#made.size >= MOST) this.#made.clear();
    const made = make();
    this.#made.set(key, made);
    return made;
  }
}
