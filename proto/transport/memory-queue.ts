// A work queue in memory: the tasks of one job and epoch.
// In: tasks with ids, pullers with credit. Out: each task to one puller, in turns, from the event loop.
// Always true: either no task waits or no puller does, once what is scheduled has run.
import { RecentIds } from './recent-ids.js'

interface Puller {
  credit: number
  taken: number
  readonly onTask: (task: Uint8Array) => void
  readonly end: () => void
}

export class MemoryQueue {
  /** Called when the queue is deleted, with why. */
  readonly watchers = new Set<(why: string) => void>()
  readonly #schedule: (deliver: () => void) => void
  readonly #ids = new RecentIds()
  #tasks: Uint8Array[] = []
  /** Tasks before this one are handed over; they are cut off now and then, as shifting each would cost. */
  #next = 0
  readonly #pullers = new Set<Puller>()
  #scheduled = false
  #dropped = false

  constructor(schedule: (deliver: () => void) => void) {
    this.#schedule = schedule
  }

  put(id: string, task: Uint8Array): void {
    if (!this.#ids.add(id)) return
    this.#tasks.push(task)
    this.#wake()
  }

  pull(
    credit: number,
    waitSeconds: number,
    onTask: (task: Uint8Array) => void,
    signals: readonly AbortSignal[],
  ): Promise<number> {
    return new Promise(resolve => {
      const end = (): void => {
        if (!this.#pullers.delete(puller)) return
        clearTimeout(timer)
        for (const signal of signals) signal.removeEventListener('abort', end)
        resolve(this.#dropped && puller.taken === 0 ? -1 : puller.taken)
      }
      const puller: Puller = { credit, taken: 0, onTask, end }
      this.#pullers.add(puller)
      const timer = setTimeout(end, waitSeconds * 1000)
      for (const signal of signals) signal.addEventListener('abort', end)
      if (credit <= 0 || signals.some(signal => signal.aborted)) end()
      else this.#wake()
    })
  }

  drop(why: string): void {
    this.#dropped = true
    this.#tasks = []
    this.#next = 0
    for (const puller of [...this.#pullers]) puller.end()
    for (const watcher of [...this.watchers]) watcher(why)
  }

  #wake(): void {
    if (this.#scheduled || this.#pullers.size === 0 || this.#next === this.#tasks.length) return
    this.#scheduled = true
    this.#schedule(() => {
      this.#scheduled = false
      this.#handOver()
    })
  }

  #handOver(): void {
    // What handlers put in meanwhile waits for the next turn, so that the event loop is never held.
    const end = this.#tasks.length
    // A handler may drop the queue.
    while (this.#next < Math.min(end, this.#tasks.length) && this.#pullers.size > 0) {
      for (const puller of this.#pullers) {
        const task = this.#tasks[this.#next]
        if (!task || this.#next >= end) break
        this.#next++
        puller.taken++
        if (--puller.credit === 0) puller.end()
        puller.onTask(task)
      }
    }
    if (this.#next > 1024 || this.#next === this.#tasks.length) {
      this.#tasks.splice(0, this.#next)
      this.#next = 0
    }
    this.#wake()
  }
}
