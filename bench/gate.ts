// Whether the machine is as fast as it was: virtual machines have spells of seconds at 0.6 of their speed.
// In: a repetition. Out: its result, begun when a probe loop ran at its usual speed, and done again (three times at most)
// when the probe after it is slow. Also the calibration of the spin loop, which looks at no clock itself.
// Always true: all waiting and repeating together takes no more than the patience that it is given.
import { spin } from './functions.js'

const PROBE_TURNS = 7e6
const PROBES = 3
const TRIES = 3
const WAIT_MS = 250
/** The longest that one quiet moment is waited for: on a machine that is always busy the figures are rough, and said to be. */
const MOMENT_SECONDS = 5

const probe = (): number => {
  const began = performance.now()
  spin(PROBE_TURNS)
  return (performance.now() - began) / 1000
}

export class Gate {
  readonly #limit: number
  #fastestSeconds: number
  #patienceSeconds: number
  /** Repetitions that were done again. */
  again = 0
  /** Repetitions that were taken although the machine was slow. */
  slow = 0
  runs = 0

  /** `limit`: how much slower than its fastest the probe may be; 0 turns the gate off. */
  constructor(limit: number, patienceSeconds: number) {
    this.#limit = limit
    this.#patienceSeconds = patienceSeconds
    this.#fastestSeconds = Math.min(...Array.from({ length: 20 }, probe))
  }

  /** How often the spin loop turns in that time. */
  turns(seconds: number): number {
    return Math.max(1, Math.round((seconds / this.#fastestSeconds) * PROBE_TURNS))
  }

  async run<T>(repetition: () => Promise<T>): Promise<T> {
    this.runs++
    for (let tries = 1; ; tries++) {
      const quiet = await this.#quiet()
      const began = performance.now()
      const result = await repetition()
      if (quiet && this.#isQuiet()) return result
      if (!quiet || tries === TRIES || this.#patienceSeconds <= 0) {
        this.slow++
        return result
      }
      this.again++
      this.#patienceSeconds -= (performance.now() - began) / 1000
    }
  }

  #isQuiet(): boolean {
    if (this.#limit === 0) return true
    for (let nth = 0; nth < PROBES; nth++) {
      const seconds = probe()
      this.#fastestSeconds = Math.min(this.#fastestSeconds, seconds)
      if (seconds <= this.#limit * this.#fastestSeconds) return true
    }
    return false
  }

  async #quiet(): Promise<boolean> {
    const began = performance.now()
    while (!this.#isQuiet()) {
      const waitedSeconds = (performance.now() - began) / 1000
      if (waitedSeconds > Math.min(MOMENT_SECONDS, this.#patienceSeconds)) {
        this.#patienceSeconds -= waitedSeconds
        return false
      }
      await new Promise(resolve => setTimeout(resolve, WAIT_MS))
    }
    this.#patienceSeconds -= (performance.now() - began) / 1000
    return true
  }
}
