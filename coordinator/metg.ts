// Minimum effective task granularity (Slaughter et al., Task Bench, SC20): METG(x) is the shortest task with which slots do
// useful work for at least the part x of their time. Pure. In: efficiencies measured at several durations of a task. Out: METG
// for a wanted efficiency. Always true: it lies among durations that were measured, or says that it is below them.
export interface GrainPoint {
  /** What a task takes in a plain loop. */
  readonly taskSeconds: number
  /** slots x wall / tasks: what a task took of the slots, all in all; Task Bench's own axis. */
  readonly granularitySeconds: number
  /** taskSeconds / granularitySeconds. */
  readonly efficiency: number
}

export interface Metg {
  readonly seconds: number
  /** The shortest task that was tried is still efficient enough: METG is at most that. */
  readonly isBound: boolean
}

/**
 * From the longest task down to the first that is not efficient enough; between the two, efficiency is taken as a line over
 * the logarithm of the duration. Undefined when even the longest is not.
 */
export const metg = (points: readonly GrainPoint[], efficiency: number): Metg | undefined => {
  const longestFirst = [...points].sort((a, b) => b.taskSeconds - a.taskSeconds)
  let enough: GrainPoint | undefined
  for (const point of longestFirst) {
    if (point.efficiency >= efficiency) {
      enough = point
      continue
    }
    if (enough === undefined) continue
    const part = (efficiency - point.efficiency) / (enough.efficiency - point.efficiency)
    return { seconds: point.taskSeconds * (enough.taskSeconds / point.taskSeconds) ** part, isBound: false }
  }
  return enough && { seconds: enough.taskSeconds, isBound: true }
}
