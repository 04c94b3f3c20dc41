// Whether a core of this machine is free for one more process, as Linux counts what runs now (/proc/loadavg). In: looks, now and
// then. Out: whether none is. Always true: where the system does not tell, there is room; what runs for a moment only, such as the engine's
// own threads, does not count.
import { availableParallelism } from 'node:os'
import { procFile } from './proc-file.js'

/** So many looks one after the other must have found none. Smaller: moments count. Larger: later known. */
const LOOKS = 3

/** Threads that run or want to, of all processes, this one among them. */
const running = procFile('/proc/loadavg', text => {
  const told = Number(/ (\d+)\/\d+ /.exec(text)?.[1])
  return Number.isFinite(told) ? told : undefined
})

export class IdleCores {
  readonly #cores: number
  readonly #running: () => number | undefined
  /** How many looks in a row have found no idle core. */
  #crowded = 0

  constructor(cores = availableParallelism(), count = running) {
    this.#cores = cores
    this.#running = count
  }

  /** Whether no core is idle; undefined while that is not certain. */
  look(): boolean | undefined {
    this.#crowded = (this.#running() ?? 0) >= this.#cores ? this.#crowded + 1 : 0
    if (this.#crowded >= LOOKS) return true
    return this.#crowded === 0 ? false : undefined
  }
}
