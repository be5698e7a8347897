import type { LocatedText } from './located-text.ts';
import { nearestName } from './nearest-name.ts';
import { quote } from './problem-report.ts';
import type { ProblemReport } from './problem-report.ts';

/** A key or field that this version knows of and does not support. */
export interface UnsupportedSetting {
  /** What comes of ignoring it. */
  readonly consequence: string;
  /** Ignoring it is safe. Otherwise it would pull with the wrong identity or rights, and the configuration is refused. */
  readonly harmless: boolean;
}

export type UnsupportedSettings = Readonly<Record<string, UnsupportedSetting>>;

/**
 * Reports a key or field that nothing read: one that this version does not support, a misspelt one, an unknown one.
 * Says its name only, for the value may be a secret.
 * @param known the names that are read.
 */
export function reportUnread(
  name: LocatedText,
  known: Iterable<string>,
  unsupported: UnsupportedSettings,
  report: ProblemReport,
): void {
  const setting = Object.hasOwn(unsupported, name.text) ? unsupported[name.text] : undefined;
  if (setting !== undefined) {
    reportUnsupported(name, name.text, setting, report);
    return;
  }
  const nearest = nearestName(name.text, [...known, ...Object.keys(unsupported)]);
  const meant = nearest === undefined ? undefined : unsupported[nearest];
  if (nearest !== undefined && meant !== undefined) reportUnsupported(name, nearest, meant, report);
  else if (nearest !== undefined) report.warn(name, `${quote(name.text)}, which is ignored as unknown`, quote(nearest));
  else report.warn(name, `${quote(name.text)}, which is ignored as unknown`, `one of ${[...known].join(', ')}`);
}

function reportUnsupported(name: LocatedText, meant: string, setting: UnsupportedSetting, report: ProblemReport): void {
  const spelling = name.text === meant ? quote(meant) : `${quote(name.text)}, probably ${quote(meant)}`;
  const found = `${spelling}, which this version does not support: ${setting.consequence}`;
  if (setting.harmless) report.warn(name, found, 'nothing in its place');
  else report.refuse(name, found, `a configuration without ${quote(name.text)}`);
}
