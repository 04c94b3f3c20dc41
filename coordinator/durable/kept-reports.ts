// Which of a job's reports the transport still has to keep: those with outcomes that are in no checkpoint. A pure machine.
// In: where each report stands, and which items it settled; what is written. Out: a position up to which nothing is needed.
// Always true: before the outcomes of a report are written, no position at or after it comes out.
import type { Span } from '../../proto/shard.js'
import type { SpanSet } from '../spans.js'

interface Heard {
  readonly position: number
  readonly settled: readonly Span[]
  readonly bytes: number
}

export class KeptReports {
  /** In the order of their positions. */
  #heard: Heard[] = []
  #newest = 0
  #bytes = 0

  /** A report at this position settled these items; none, where it came too late or is a part of one. */
  add(position: number, settled: readonly Span[], bytes: number): void {
    // The reports were lost, and are numbered anew: nobody keeps the old ones any more.
    if (position <= this.#newest) {
      this.#heard = []
      this.#bytes = 0
    }
    this.#newest = position
    if (settled.length === 0) return
    this.#heard.push({ position, settled, bytes })
    this.#bytes += bytes
  }

  /** Whether any report holds what is not written. */
  get hasAny(): boolean {
    return this.#heard.length > 0
  }

  /** Of the reports that are needed. */
  get bytes(): number {
    return this.#bytes
  }

  /** Reports up to this position are not needed, once `written` is safe. */
  release(written: SpanSet): number {
    let done = 0
    for (const { settled } of this.#heard) {
      if (settled.some(({ start, end }) => written.missing(start, end).length > 0)) break
      done++
    }
    for (const { bytes } of this.#heard.splice(0, done)) this.#bytes -= bytes
    const [first] = this.#heard
    return first === undefined ? this.#newest : first.position - 1
  }
}
