// Minimum effective task granularity, as Task Bench defines it: the smallest average duration of an item at which the
// efficiency is at least so much. In: efficiencies at grains. Out: that grain, in seconds. Pure.

export interface GrainPoint {
  readonly grainSeconds: number
  readonly efficiency: number
}

export interface Metg {
  readonly seconds: number
  /** `most`: it was met at the smallest grain that was measured; `more`: it was not met at the largest. */
  readonly is: 'exact' | 'most' | 'more'
}

/** Read off between the first grain that is good enough and the one below it, on logarithmic axes. */
export const metg = (points: readonly GrainPoint[], efficiency: number): Metg => {
  const sorted = points.toSorted((a, b) => a.grainSeconds - b.grainSeconds)
  const first = sorted.findIndex(point => point.efficiency >= efficiency)
  const [low, high] = [sorted[first - 1], sorted[first]]
  if (high === undefined) return { seconds: sorted.at(-1)?.grainSeconds ?? Number.NaN, is: 'more' }
  if (low === undefined) return { seconds: high.grainSeconds, is: 'most' }
  const rise = Math.log(high.efficiency / low.efficiency)
  const part = rise > 0 ? Math.log(efficiency / low.efficiency) / rise : 1
  return { seconds: low.grainSeconds * (high.grainSeconds / low.grainSeconds) ** part, is: 'exact' }
}
