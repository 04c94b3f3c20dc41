// The event loop of a real coordinator on the simulation's clock. In: a timeline; what is to be called. Out: the CPU time
// that the calls took, with everything that they left behind on the microtask queue. Always true: between `install` and `restore`
// timers that anybody sets go off on the timeline, and nothing happens by itself.
import type { Timeline } from './timeline.js'

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
}
const { setImmediate } = globalThis

interface Timer {
  isOff: boolean
}

export class VirtualTime {
  readonly #timeline: Timeline
  readonly #due: (() => void)[] = []
  /** CPU time of what was called. */
  busySeconds = 0

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  install(): void {
    const at = (act: () => void, ms: number, isRepeated: boolean): Timer => {
      const timer: Timer = { isOff: false }
      const again = (): void => {
        this.#timeline.after(ms / 1000, () => {
          if (timer.isOff) return
          this.#due.push(act)
          if (isRepeated) again()
        })
      }
      again()
      return timer
    }
    const off = (timer?: Timer): void => {
      if (timer !== undefined) timer.isOff = true
    }
    Object.assign(globalThis, {
      setTimeout: (act: () => void, ms = 0) => at(act, ms, false),
      setInterval: (act: () => void, ms = 0) => at(act, ms, true),
      clearTimeout: off,
      clearInterval: off,
    })
  }

  restore(): void {
    Object.assign(globalThis, real)
  }

  /** Calls it when the event that is under way has ended. */
  call(act: () => void): void {
    this.#due.push(act)
  }

  /** Goes on with the timeline until it is enough; false when the time is up. */
  async run(isEnough: () => boolean, untilSeconds: number): Promise<boolean> {
    for (;;) {
      if (!this.#timeline.run(() => this.#due.length > 0 || isEnough(), untilSeconds)) return false
      if (this.#due.length === 0) return true
      await this.#serve()
    }
  }

  async #serve(): Promise<void> {
    const before = process.cpuUsage()
    for (let act = this.#due.shift(); act !== undefined; act = this.#due.shift()) act()
    await new Promise<void>(resolve => setImmediate(resolve))
    const { user, system } = process.cpuUsage(before)
    this.busySeconds += (user + system) / 1e6
  }
}
