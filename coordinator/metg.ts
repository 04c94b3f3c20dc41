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
 * The shortest task that is efficient enough, or, between it and the next shorter one, where efficiency as a line over the
 * logarithm of the duration is just enough. A dip at longer tasks does not count: what a shorter one reaches, a longer one
 * does too, unless other processes were in the way. Undefined when no task is efficient enough.
 */
export const metg = (points: readonly GrainPoint[], efficiency: number): Metg | undefined => {
  const shortestFirst = [...points].sort((a, b) => a.taskSeconds - b.taskSeconds)
  const place = shortestFirst.findIndex(point => point.efficiency >= efficiency)
  const enough = shortestFirst[place]
  const shorter = shortestFirst[place - 1]
  if (enough === undefined) return undefined
  if (shorter === undefined) return { seconds: enough.taskSeconds, isBound: true }
  const part = (efficiency - shorter.efficiency) / (enough.efficiency - shorter.efficiency)
  return { seconds: shorter.taskSeconds * (enough.taskSeconds / shorter.taskSeconds) ** part, isBound: false }
}
