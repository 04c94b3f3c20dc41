// How long a function wanted a core and had none, as Linux counts it for this thread (/proc/thread-self/schedstat).
// In: the begin and the parts of runs. Out: seconds. Always true: what the system does not tell, and what is too short to
// ask for, is 0; a thread that waits for something else (a timer, a socket) wants no core.
import { procFile } from './proc-file.js'

/** A part of a run as it was measured where it ran. */
export interface Measured {
  readonly computeSeconds: number
  /** Decoding and encoding, or what else the thread did meanwhile. */
  readonly codecSeconds: number
  /** What the event loop's turns between the chunks need at least. */
  readonly turnSeconds: number
  /** What the process used, all its threads. */
  readonly cpuSeconds: number
}

interface Told {
  readonly ranSeconds: number
  readonly waitedSeconds: number
}

/** Asking takes about 5 us: larger would miss what short shards wait, smaller would cost them more than it tells. */
const WORTH_ASKING_SECONDS = 0.005

/**
 * A thread that wants a core gets at least one part in so many of it; newer kernels count a part of a sleep as waiting, which
 * shows by no running. Smaller: a very busy machine is not believed. Larger: sleeping there is taken for waiting for a core.
 */
const WAITED_PER_RAN = 100

const { performance } = globalThis

/** Of the thread that asks: each has modules, and so a descriptor, of its own. */
const ask = procFile('/proc/thread-self/schedstat', (text): Told | undefined => {
  const [ran, waited] = text.split(' ').map(Number)
  const told = { ranSeconds: (ran as number) / 1e9, waitedSeconds: (waited as number) / 1e9 }
  return Number.isFinite(told.ranSeconds + told.waitedSeconds) ? told : undefined
})

/** Over all runs here: how long the last one took tells whether the next one is worth asking for. */
let isWorthIt = true
/** What was told last, for a run that was not expected to be worth it. */
let toldLast: Told | undefined

export class Preemption {
  #since = performance.now()
  /** Asked at the beginning; else what was told last is of some runs before. */
  #isExact = isWorthIt
  #before: Told | undefined

  constructor() {
    if (isWorthIt) toldLast = ask()
    this.#before = toldLast
  }

  /** Of the seconds inside the function, since the run's begin or the last call. */
  take(measured: Measured): number {
    const now = performance.now()
    const seconds = (now - this.#since) / 1000
    const [isExact, before] = [this.#isExact, this.#before]
    this.#since = now
    isWorthIt = this.#isExact = seconds >= WORTH_ASKING_SECONDS
    if (!isWorthIt) return 0
    const told = ask()
    toldLast = this.#before = told
    if (before === undefined || told === undefined) return 0
    const ranSeconds = isExact ? told.ranSeconds - before.ranSeconds : measured.cpuSeconds
    const waitedSeconds = told.waitedSeconds - before.waitedSeconds
    return ofCompute(measured, seconds, Math.min(waitedSeconds, seconds - ranSeconds, WAITED_PER_RAN * ranSeconds))
  }
}

/** The system takes cores away most of all where a thread stops by itself, between chunks: what those took too long comes first. */
const ofCompute = (measured: Measured, seconds: number, waitedSeconds: number): number => {
  if (!(waitedSeconds > 0)) return 0
  const { computeSeconds, codecSeconds, turnSeconds } = measured
  const needed = turnSeconds + codecSeconds * (1 - waitedSeconds / seconds)
  const waitedBetween = Math.max(0, seconds - computeSeconds - needed)
  return Math.max(0, Math.min(computeSeconds, waitedSeconds - waitedBetween))
}
