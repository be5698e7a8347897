import { comparedOf, isMet, type Figure } from './row.ts';

/** A figure with the row that it is of. */
export interface NamedFigure extends Figure {
  row: string;
}

const HEAD = ['what', 'measured', 'reference', 'ratio', 'target', 'met', 'again with'];

/** One Markdown table, a line a figure. */
export function formatTable(figures: readonly NamedFigure[]): string {
  const lines = figures.map((figure) => [
    figure.note ? `${figure.what} (${figure.note})` : figure.what,
    `${format(figure.value)} ${figure.unit}`,
    figure.reference ? `${format(figure.reference.value)} ${figure.unit} (${figure.reference.what})` : '–',
    figure.reference ? format(comparedOf(figure)) : '–',
    targetOf(figure),
    isMet(figure) ? 'yes' : '**no**',
    `\`make bench ROWS=${figure.row}\``,
  ]);
  return [HEAD, HEAD.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function targetOf({ target, unit, reference }: Figure): string {
  const bound = 'atLeast' in target ? `≥ ${format(target.atLeast)}` : `≤ ${format(target.atMost)}`;
  return reference ? bound : `${bound} ${unit}`;
}

/** Three digits tell what such a measurement can. */
function format(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumSignificantDigits: 3 });
}
