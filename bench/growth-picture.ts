import { scaleLog, type ScaleLogarithmic } from 'd3-scale';
import { line, symbol, symbolCircle, symbolSquare, symbolTriangle, type SymbolType } from 'd3-shape';
import type { Curve, Point } from './curve.ts';

const COLUMNS = 3;
const CELL = { width: 320, height: 322 };
/** Where a panel's curves are within its cell: beside it stand the axes, below it what they mean. */
const PLOT = { left: 52, top: 16, width: 248, height: 192 };
/** These can be read on white and on black: a page that shows a picture does not tell it which of them it has. */
const INK = '#767d86';
const STYLES: readonly Style[] = [
  { colour: '#2f81f7', shape: symbolCircle },
  { colour: '#d4700a', shape: symbolSquare },
  { colour: '#a35ff0', shape: symbolTriangle },
];

interface Style {
  colour: string;
  shape: SymbolType;
}

interface Scales {
  x: ScaleLogarithmic<number, number>;
  y: ScaleLogarithmic<number, number>;
}

/**
 * An SVG with a panel for each axis: how many times the value at the smallest size each figure becomes, on logarithmic scales. A
 * grey line in each says where growth would be linear.
 */
export function drawGrowth(curves: readonly Curve[]): string {
  const panels = [...Map.groupBy(curves, ({ axis }) => axis)];
  const cells = panels.map(([axis, ofAxis], index) => {
    const [column, row] = [index % COLUMNS, Math.floor(index / COLUMNS)];
    return at(column * CELL.width + PLOT.left, row * CELL.height + PLOT.top, panel(axis, ofAxis));
  });
  const [width, height] = [COLUMNS * CELL.width, Math.ceil(panels.length / COLUMNS) * CELL.height];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="11" fill="${INK}">
<title>How cost grows with ${panels.map(([axis]) => axis).join(', ')}</title>
${cells.join('\n')}
</svg>
`;
}

function panel(axis: string, curves: readonly Curve[]): string {
  const sizes = curves[0]?.points.map(([size]) => size) ?? [];
  const relative = curves.map(({ points }) => timesTheFirst(points));
  const [smallest = 1, largest = 1] = [sizes[0], sizes.at(-1)];
  const linear = largest / smallest;
  const diagonal: Point[] = [
    [smallest, 1],
    [largest, linear],
  ];
  const values = relative.flat().map(([, value]) => value);
  const scales = {
    x: scaleLog().domain([smallest, largest]).rangeRound([0, PLOT.width]),
    y: scaleLog()
      .domain([Math.min(1, ...values), Math.max(linear, ...values)])
      .rangeRound([PLOT.height, 0]),
  };
  const { x, y } = scales;
  return [
    grid(scales, sizes),
    `<text x="${PLOT.width / 2}" y="${PLOT.height + 34}" text-anchor="middle" font-weight="bold">${axis}</text>`,
    `<text transform="translate(-38 ${PLOT.height / 2}) rotate(-90)" text-anchor="middle">times the first value</text>`,
    `<path class="linear" d="${pathOf(scales, diagonal)}" stroke="${INK}" stroke-width="1.5" stroke-dasharray="5 4" fill="none"/>`,
    `<text x="${x(largest) - 22}" y="${y(linear) + 9}" text-anchor="end">linear</text>`,
    ...relative.map((points, index) => drawCurve(scales, points, styleOf(index))),
    ...curves.map((curve, index) => at(-28, PLOT.height + 56 + index * 17, legend(curve, styleOf(index)))),
  ].join('\n');
}

/** Lines at the sizes that were measured, and at the round numbers of the other axis. */
function grid({ x, y }: Scales, sizes: readonly number[]): string {
  const sizeText = x.tickFormat(Infinity, '~s');
  const timesText = y.tickFormat(4, ',');
  const rows = y.ticks().filter((value) => timesText(value) !== '');
  return [
    ...sizes.map((size) => gridLine(`M${x(size)},0V${PLOT.height}`)),
    ...rows.map((times) => gridLine(`M0,${y(times)}H${PLOT.width}`)),
    ...sizes.map(
      (size) => `<text x="${x(size)}" y="${PLOT.height + 16}" text-anchor="middle">${sizeText(size)}</text>`,
    ),
    ...rows.map((times) => `<text x="-8" y="${y(times) + 4}" text-anchor="end">${timesText(times)}</text>`),
  ].join('\n');
}

function gridLine(path: string): string {
  return `<path d="${path}" stroke="${INK}" stroke-opacity="0.25"/>`;
}

function drawCurve(scales: Scales, points: readonly Point[], style: Style): string {
  const path = `<path class="curve" d="${pathOf(scales, points)}" stroke="${style.colour}" stroke-width="2" fill="none"/>`;
  return [path, ...points.map(([size, times]) => at(scales.x(size), scales.y(times), mark(style)))].join('\n');
}

/** What a curve is of, and between which values it runs. */
function legend({ figure, unit, points }: Curve, style: Style): string {
  const [first, last] = [points[0], points.at(-1)].map((point) =>
    Number(point?.[1].toPrecision(3)).toLocaleString('en-US'),
  );
  return `${at(0, -4, mark(style))}<text x="10">${figure}: ${first} → ${`${last} ${unit}`.trimEnd()}</text>`;
}

function mark({ colour, shape }: Style): string {
  return `<path d="${symbol(shape, 40)() ?? ''}" fill="${colour}"/>`;
}

function styleOf(index: number): Style {
  const style = STYLES[index];
  if (!style) throw new RangeError(`a panel has ${STYLES.length} curves at most`);
  return style;
}

function timesTheFirst(points: readonly Point[]): Point[] {
  const first = points[0]?.[1] ?? 1;
  return points.map(([size, value]) => [size, value / first]);
}

function pathOf({ x, y }: Scales, points: readonly Point[]): string {
  const path = line<Point>(
    ([size]) => x(size),
    ([, times]) => y(times),
  );
  return path(points) ?? '';
}

function at(x: number, y: number, content: string): string {
  return `<g transform="translate(${x} ${y})">${content}</g>`;
}
