import { describe, expect, it } from 'vitest';
import type { Curve, Point } from '../../bench/curve.ts';
import { drawGrowth } from '../../bench/growth-picture.ts';

describe('drawGrowth', () => {
  it('draws what grows as its axis does on the line that says linear', () => {
    const { linear, curves } = pathsIn(drawGrowth([curve('', 3), curve('', 300)]));
    const [start, , end] = curves[0]!;
    expect([start, end]).toEqual(linear);
    expect(curves[1]).toEqual(curves[0]);
  });

  it('draws what grows as the root of its axis half as steep, and what does not grow as level', () => {
    const root = curve('', 1, (size) => Math.sqrt(size));
    const constant = curve('', 7, () => 1);
    const { linear, curves } = pathsIn(drawGrowth([root, constant]));
    const [[left, bottom], [right, top]] = linear as [Point, Point];
    const [middle, half] = [(left + right) / 2, (bottom + top) / 2];
    expect(curves[0]).toEqual([
      [left, bottom],
      [middle, (bottom + half) / 2],
      [right, half],
    ]);
    expect(curves[1]).toEqual([
      [left, bottom],
      [middle, bottom],
      [right, bottom],
    ]);
  });

  it('marks every point, and says between which values its curve runs', () => {
    const svg = drawGrowth([curve('time of a renewal', 0.5)]);
    expect(svg).toContain('>time of a renewal: 0.5 → 50 s<');
    const [[x, y]] = [pathsIn(svg).curves[0]![1]!];
    expect(svg).toContain(`<g transform="translate(${x} ${y})"><path`);
  });

  it('has one panel for each axis, with its name and the sizes below it', () => {
    const svg = drawGrowth([curve('a', 1), { ...curve('b', 1), axis: 'replicas' }, curve('c', 1)]);
    expect([...svg.matchAll(/font-weight="bold">([^<]*)</g)].map(([, axis]) => axis)).toEqual([
      'namespaces',
      'replicas',
    ]);
    for (const size of ['100', '1k', '10k']) expect(svg).toContain(`text-anchor="middle">${size}</text>`);
  });
});

function curve(figure: string, first: number, power = (times: number) => times): Curve {
  const points = [100, 1_000, 10_000].map((size) => [size, first * power(size / 100)] as const);
  return { axis: 'namespaces', figure, unit: 's', points };
}

/** The corners of the grey line and of the curves. */
function pathsIn(svg: string): { linear: Point[] | undefined; curves: Point[][] } {
  const cornersOf = (name: string) =>
    [...svg.matchAll(new RegExp(`<path class="${name}" d="M([^"]*)"`, 'g'))].map(([, path = '']) =>
      path.split('L').map((corner) => corner.split(',').map(Number) as unknown as Point),
    );
  return { linear: cornersOf('linear')[0], curves: cornersOf('curve') };
}
