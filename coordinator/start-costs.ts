// What the start of a worker costs on this machine, as this process has seen it. In: measured starts. Out: the newest of the
// runner's; before the first, what earlier processes have seen, or what is known of one like it: how long this one took.
import type { RunnerName } from '../proto/shard.js'

const measured = new Map<RunnerName, number>()
/** Of earlier processes on this machine. */
const recalled = new Map<RunnerName, number>()

export const learnStart = (runner: RunnerName, seconds: number): void => {
  measured.set(runner, seconds)
}

export const recallStartSeconds = (runner: RunnerName, seconds: number): void => {
  recalled.set(runner, seconds)
}

/** As this process has seen it; undefined before the first. */
export const measuredStart = (runner: RunnerName): number | undefined => measured.get(runner)

export const startSecondsOf = (runner: RunnerName): number =>
  // A worker is a Node process, or at hand sooner; half of its start is Node's own, half its modules'.
  measured.get(runner) ?? recalled.get(runner) ?? (2 * performance.nodeTiming.bootstrapComplete) / 1000
