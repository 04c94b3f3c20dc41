// Minimum effective task granularity, as Task Bench defines it: the smallest average duration of an item at which the
// efficiency is still at least so much. In: efficiencies at grains. Out: that grain, in seconds. Pure.

export interface GrainPoint {
  readonly grainSeconds: number
  readonly efficiency: number
}

export interface Metg {
  readonly seconds: number
  /** `most`: it was met at the smallest grain that was measured; `more`: it was not met at the largest. */
  readonly is: 'exact' | 'most' | 'more'
}

/** Read off between the two grains around it, on logarithmic axes; a dip above a good grain counts against it. */
export const metg = (points: readonly GrainPoint[], efficiency: number): Metg => {
  const sorted = points.toSorted((a, b) => a.grainSeconds - b.grainSeconds)
  const below = sorted.findLastIndex(point => !(point.efficiency >= efficiency))
  const [low, high] = [sorted[below], sorted[below + 1]]
  if (low === undefined) return { seconds: high?.grainSeconds ?? Number.NaN, is: 'most' }
  if (high === undefined) return { seconds: low.grainSeconds, is: 'more' }
  const rise = Math.log(high.efficiency / low.efficiency)
  const part = rise > 0 ? Math.log(efficiency / low.efficiency) / rise : 1
  return { seconds: low.grainSeconds * (high.grainSeconds / low.grainSeconds) ** part, is: 'exact' }
}
