import type { LocatedText } from './located-text.ts';
import { nearestName } from './nearest-name.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

/** A key or field that nothing read. */
export interface UnreadSetting {
  readonly name: LocatedText;
  readonly isEmpty: boolean;
  /** In a message, where the name is like no other: what stands in a field's place may be a secret that slipped there. */
  readonly said: string;
}

/**
 * Reports a misspelt or an unknown setting; an empty one only where it is refused. Says nothing of its value.
 * @param known the names that are read.
 * @param decisive those of them that say as whom and for whom tokens are asked: one that is misspelt is refused, for without it
 * somebody would get a token that is not meant for him.
 */
export function reportUnread(
  { name, isEmpty, said }: UnreadSetting,
  known: ReadonlySet<string>,
  report: ProblemReport,
  decisive: ReadonlySet<string>,
): void {
  const nearest = nearestName(name.text, known);
  if (nearest !== undefined && decisive.has(nearest)) {
    report.refuse(name, `${quote(name.text)}, which is unknown`, quote(nearest));
  } else if (!isEmpty) {
    const [found, fix] =
      nearest === undefined ? [said, `one of ${[...known].join(', ')}`] : [quote(name.text), quote(nearest)];
    report.warn(name, `${found}, which is ignored as unknown`, fix);
  }
}
