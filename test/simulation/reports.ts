// The stream of one job's reports, which outlives epochs; any suffix of what was stored may vanish. In: reports. Out: the same,
// in the order in which they were stored, at least once unless they are lost; whether each is known to be stored.
import type { Report } from '../../proto/outcome.js'
import type { Process } from './process.js'
import type { Peer, Wire } from './wire.js'

const STORE_SECONDS = 1

/** The reports of one job: stored in order, read in order, at least once. */
export class Reports {
  readonly #wire: Wire
  readonly #onReport: (report: Report) => void
  readonly #reader: Process
  #stored: { readonly id: string; readonly reports: readonly Report[] }[] = []
  readonly #ids = new Set<string>()
  #handled = 0
  #isReading = false
  isGone = false

  constructor(wire: Wire, reader: Process, onReport: (report: Report) => void) {
    this.#wire = wire
    this.#reader = reader
    this.#onReport = onReport
  }

  /** `done` hears whether it is known to be stored. */
  store(agent: Peer, id: string, reports: readonly Report[], done: (stored: boolean) => void): void {
    const wire = this.#wire
    const answer = (stored: boolean, seconds: number): void =>
      wire.timeline.after(seconds, () => agent.do(() => done(stored)))
    if (agent.isCutOff || wire.happens('report not stored')) {
      answer(false, STORE_SECONDS)
      return
    }
    wire.later('report late', () => {
      if (this.isGone) {
        answer(false, STORE_SECONDS)
        return
      }
      if (!this.#ids.has(id)) {
        this.#ids.add(id)
        this.#stored.push({ id, reports })
      }
      this.#read()
      if (agent.isDeaf || wire.happens('report ack lost')) answer(false, STORE_SECONDS)
      else answer(true, 0.0005)
    })
  }

  /** All that is stored is read once more. */
  readAgain(): void {
    this.#handled = 0
    this.#read()
  }

  lose(isAll: boolean): void {
    const kept = isAll ? 0 : this.#wire.whole(0, this.#stored.length)
    for (const { id } of this.#stored.splice(kept)) this.#ids.delete(id)
    if (this.#handled > this.#stored.length) this.#handled = 0
    this.#read()
  }

  delete(): void {
    this.isGone = true
    this.#stored = []
  }

  #read(): void {
    if (this.#isReading || this.#handled >= this.#stored.length) return
    this.#isReading = true
    // Until then they are only in the stream, which may lose them.
    this.#wire.later('report late', () => {
      this.#isReading = false
      if (!this.#reader.isRunning) {
        this.#wire.timeline.after(0.1, () => this.#read())
        return
      }
      if (this.#wire.happens('reports read again')) this.#handled = Math.max(0, this.#handled - this.#wire.whole(1, 20))
      const unread = this.#stored.slice(this.#handled)
      this.#handled = this.#stored.length
      for (const { reports } of unread) for (const report of reports) this.#reader.do(() => this.#onReport(report))
    })
  }
}
