// What the start of a worker costs on this machine, as this process has seen it. In: measured starts. Out: the newest of the
// runner's, or, before the first, what is known of a process like it: how long this one took to start.
import type { RunnerName } from '../proto/shard.js'

const measured = new Map<RunnerName, number>()

export const learnStart = (runner: RunnerName, seconds: number): void => {
  measured.set(runner, seconds)
}

export const startSecondsOf = (runner: RunnerName): number =>
  // A worker is a Node process, or at hand sooner; half of its start is Node's own, half its modules'.
  measured.get(runner) ?? (2 * performance.nodeTiming.bootstrapComplete) / 1000
