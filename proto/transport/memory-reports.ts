// The reports of one job in memory, in the order of storing, kept until they are trimmed.
// In: reports with ids; a store, where they are to outlive the process. Out: every report to every reader, from the event loop.
// Always true: a reader that comes later reads from the oldest report kept.
import type { OnReport } from '../transport.js'
import { RecentIds } from './recent-ids.js'

/** Reports kept at once. Smaller makes agents wait for a slow coordinator sooner, larger costs that much memory. */
const KEPT_BYTES = 512 * 1024 * 1024

export interface ReportReader {
  close(): void
}

/** Where reports are kept beside memory, so that they outlive the process. Nothing of it is waited for but `close`. */
export interface ReportStore {
  /** What an earlier process left, in order. */
  readonly reports: readonly Uint8Array[]
  append(report: Uint8Array): void
  /** Of all that was appended, what is still needed. */
  trim(kept: readonly Uint8Array[]): void
  close(keep?: 'reports'): Promise<void>
}

export class MemoryReports {
  /** Called when the reports are deleted, with why. */
  readonly watchers = new Set<(why: string) => void>()
  readonly #schedule: (deliver: () => void) => void
  readonly #store: ReportStore | undefined
  readonly #ids = new RecentIds()
  readonly #wakers = new Set<() => void>()
  #kept: Uint8Array[] = []
  #keptBytes = 0
  /** The sequence number of the first report kept. */
  #first = 0

  constructor(schedule: (deliver: () => void) => void, store?: ReportStore) {
    this.#schedule = schedule
    this.#store = store
    for (const report of store?.reports ?? []) this.#keep(report)
  }

  /** They are kept beside memory too. */
  get isStored(): boolean {
    return this.#store !== undefined
  }

  append(id: string, report: Uint8Array): void {
    if (this.#keptBytes + report.length > KEPT_BYTES) throw new Error('the coordinator is behind: no room for reports')
    if (!this.#ids.add(id)) return
    this.#keep(report)
    this.#store?.append(report)
    for (const wake of this.#wakers) wake()
  }

  read(onReport: OnReport): ReportReader {
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
        next++
        onReport(report, next)
      }
      wake()
    }
    this.#wakers.add(wake)
    wake()
    return {
      close: () => {
        open = false
        this.#wakers.delete(wake)
      },
    }
  }

  /** Lets go of the reports up to this position. */
  trim(position: number): void {
    if (position <= this.#first) return
    for (const report of this.#kept.splice(0, position - this.#first)) this.#keptBytes -= report.length
    this.#first = position
    this.#store?.trim(this.#kept)
  }

  /** Deletes them; a store may keep its copies. */
  async drop(why: string, keep?: 'reports'): Promise<void> {
    const closed = this.#store?.close(keep)
    this.#kept = []
    this.#keptBytes = 0
    for (const watcher of [...this.watchers]) watcher(why)
    await closed
  }

  #keep(report: Uint8Array): void {
    this.#kept.push(report)
    this.#keptBytes += report.length
  }
}
