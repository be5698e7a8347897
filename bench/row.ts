/** A number that a row measured, with what it is held against. */
export interface Figure {
  what: string;
  unit: string;
  value: number;
  /** The same of something that does as little as possible, measured in the same run. */
  reference?: { what: string; value: number };
  /** What the number, or its ratio to the reference's where there is one, must keep to. */
  target: { atLeast: number } | { atMost: number };
  /** What else is to be known of it. */
  note?: string;
}

export interface RowOptions {
  /** How often the subject and its reference are measured, in turns. */
  pairs: number;
}

/** Something that is measured: the export `row` of a file in `rows`, whose name is the row's. */
export interface Row {
  /** In one line, for the list of rows. */
  what: string;
  measure: (options: RowOptions) => Promise<Figure[]>;
}

/** What the target speaks of. */
export function comparedOf({ value, reference }: Figure): number {
  return reference ? value / reference.value : value;
}

export function isMet(figure: Figure): boolean {
  const { target } = figure;
  const compared = comparedOf(figure);
  return 'atLeast' in target ? compared >= target.atLeast : compared <= target.atMost;
}
