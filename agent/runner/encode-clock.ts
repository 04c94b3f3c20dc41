// How long encoding took, without looking at the clock for each value. In: when a value's encoding begins and ends. Out:
// seconds. Always true: what takes long is timed by itself; what is believed of the others was measured a few values ago.

// The user's code may put its own in its place.
const { performance } = globalThis

/** A look at the clock takes as long as half a record. More values that go untimed: a change is seen later. */
const UNTIMED_VALUES = 7
/** Where one took less, the next ones are believed to take as long. */
const QUICK_SECONDS = 5e-6
const UNTIMED = -1

export class EncodeClock {
  seconds = 0
  /** So many more are not timed, but taken to need this long. */
  #untimed = 0
  #believedSeconds = 0

  /** What `end` is to be given. */
  begin(): number {
    if (this.#untimed === 0) return performance.now()
    this.#untimed -= 1
    this.seconds += this.#believedSeconds
    return UNTIMED
  }

  /** `isUsual`: those that follow will take about as long. */
  end(began: number, isUsual: boolean): void {
    if (began === UNTIMED) return
    const seconds = (performance.now() - began) / 1000
    this.seconds += seconds
    if (!isUsual || seconds > QUICK_SECONDS) return
    this.#untimed = UNTIMED_VALUES
    this.#believedSeconds = seconds
  }
}
