// The reports of one job in memory, in the order of storing, kept until they are trimmed.
// In: reports with ids. Out: every report to every reader, from the event loop.
// Always true: a reader that comes later reads from the oldest report kept.
import { RecentIds } from './recent-ids.js'

/** Reports kept at once. Smaller makes agents wait for a slow coordinator sooner, larger costs that much memory. */
const KEPT_BYTES = 512 * 1024 * 1024

export interface ReportReader {
  /** Lets go of what this reader has handled. */
  trim(): void
  close(): void
}

export class MemoryReports {
  /** Called when the reports are deleted, with why. */
  readonly watchers = new Set<(why: string) => void>()
  readonly #schedule: (deliver: () => void) => void
  readonly #ids = new RecentIds()
  readonly #wakers = new Set<() => void>()
  #kept: Uint8Array[] = []
  #keptBytes = 0
  /** The sequence number of the first report kept. */
  #first = 0

  constructor(schedule: (deliver: () => void) => void) {
    this.#schedule = schedule
  }

  append(id: string, report: Uint8Array): void {
    if (this.#keptBytes + report.length > KEPT_BYTES) throw new Error('the coordinator is behind: no room for reports')
    if (!this.#ids.add(id)) return
    this.#kept.push(report)
    this.#keptBytes += report.length
    for (const wake of this.#wakers) wake()
  }

  read(onReport: (report: Uint8Array) => void): ReportReader {
    let next = this.#first
    let scheduled = false
    let open = true
    const wake = (): void => {
      if (scheduled || !open || next >= this.#first + this.#kept.length) return
      scheduled = true
      this.#schedule(deliver)
    }
    const deliver = (): void => {
      scheduled = false
      next = Math.max(next, this.#first)
      const end = this.#first + this.#kept.length
      while (open && next < end) {
        const report = this.#kept[next - this.#first]
        if (!report) break
        onReport(report)
        next++
      }
      wake()
    }
    this.#wakers.add(wake)
    wake()
    return {
      trim: () => this.#trim(next),
      close: () => {
        open = false
        this.#wakers.delete(wake)
      },
    }
  }

  drop(why: string): void {
    this.#trim(this.#first + this.#kept.length)
    for (const watcher of [...this.watchers]) watcher(why)
  }

  #trim(until: number): void {
    if (until <= this.#first) return
    for (const report of this.#kept.splice(0, until - this.#first)) this.#keptBytes -= report.length
    this.#first = until
  }
}
