/** How a figure grows along an axis: one line of the picture. */
export interface Curve {
  axis: string;
  figure: string;
  unit: string;
  /** From the smallest size to the largest. */
  points: readonly Point[];
}

export type Point = readonly [size: number, value: number];

/** The exponent of the power of the size that fits best: the slope of a straight line through the logarithms. 1 is linear. */
export function exponentOf(points: readonly Point[]): number {
  const logs = points.map(([size, value]) => [Math.log(size), Math.log(value)] as const);
  const mean = (place: 0 | 1) => logs.reduce((sum, each) => sum + each[place], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
