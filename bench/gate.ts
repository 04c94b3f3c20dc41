// Whether the machine is as fast as it was: virtual machines have spells of seconds at 0.6 of their speed.
// In: a repetition. Out: its result, begun when a probe loop ran at its usual speed, and done again (three times at most)
// when the probe after it is slow. Also the calibration of the spin loop, which looks at no clock itself.
import { spin } from './functions.js'

const PROBE_TURNS = 7e6
const TRIES = 3
/** The longest that a quiet moment is waited for: on a machine that is always busy the figures are rough, and said to be. */
const PATIENCE_SECONDS = 10

const probe = (): number => {
  const began = performance.now()
  spin(PROBE_TURNS)
  return (performance.now() - began) / 1000
}

export class Gate {
  readonly #limit: number
  #fastestSeconds: number
  /** Repetitions that were done again. */
  again = 0
  /** Repetitions that were taken although the machine was slow. */
  slow = 0

  /** `limit`: how much slower than its fastest the probe may be; 0 turns the gate off. */
  constructor(limit: number) {
    this.#limit = limit
    this.#fastestSeconds = Math.min(...Array.from({ length: 20 }, probe))
  }

  /** How often the spin loop turns in that time. */
  turns(seconds: number): number {
    return Math.round((seconds / this.#fastestSeconds) * PROBE_TURNS)
  }

  async run<T>(repetition: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      const quiet = await this.#quiet()
      const result = await repetition()
      if (quiet && this.#isQuiet()) return result
      if (!quiet || tries === TRIES) {
        this.slow++
        return result
      }
      this.again++
    }
  }

  #isQuiet(): boolean {
    if (this.#limit === 0) return true
    const seconds = Math.min(probe(), probe(), probe())
    this.#fastestSeconds = Math.min(this.#fastestSeconds, seconds)
    return seconds <= this.#limit * this.#fastestSeconds
  }

  async #quiet(): Promise<boolean> {
    const until = performance.now() + PATIENCE_SECONDS * 1000
    while (!this.#isQuiet()) {
      if (performance.now() > until) return false
      await new Promise(resolve => setTimeout(resolve, 250))
    }
    return true
  }
}
