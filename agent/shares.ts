// Whose turn it is on this host: jobs of the highest priority first, those of one priority by weight. A pure machine.
// In: which jobs have work here, and for how long slots were at each. Out: which of those that wait comes next, and whose shard is
// ended early for a job that has no slot.
// Always true: among jobs that have work all the time, slot seconds over weight stay equal, but for what one shard takes and the
// price of a switch; who had nothing to do saves up no claim on it; whoever waits alone is next.

export interface Share {
  readonly weight: number
  readonly priority: number
}

/** A job that waits for a slot. */
export interface Contender {
  readonly job: string
  /** The only slots that it could have now have to start another worker for it. */
  readonly isCostly: boolean
}

interface Standing extends Share {
  /** Slot seconds over weight. */
  served: number
  /** It has work here, waiting or in slots. */
  isBusy: boolean
  /** It was given a slot here before. */
  hasRun: boolean
}

/** A job goes without the slots for so long before a worker is ended for it. Smaller: workers start again and again. Larger: turns are longer. */
const SWITCH_SECONDS = 3

export class Shares {
  readonly #jobs = new Map<string, Standing>()
  /** Of each priority: what the least served of its busy jobs had. It never falls. */
  readonly #floors = new Map<number, number>()

  /** There may be somebody to share with. */
  get isShared(): boolean {
    return this.#jobs.size > 1
  }

  /** How many jobs have work here. */
  get busyJobs(): number {
    let busy = 0
    for (const { isBusy } of this.#jobs.values()) if (isBusy) busy++
    return busy
  }

  priorityOf(job: string): number {
    return this.#jobs.get(job)?.priority ?? 0
  }

  /** The job is there, and is to have so much. */
  know(job: string, { weight, priority }: Share): void {
    const before = this.#jobs.get(job)
    const share = { weight: Math.max(1, weight), priority }
    if (before?.weight === share.weight && before.priority === priority) return
    const { hasRun = false } = before ?? {}
    this.#jobs.set(job, { ...share, served: 0, isBusy: false, hasRun })
  }

  forget(job: string): void {
    this.#jobs.delete(job)
    if (this.#jobs.size === 0) this.#floors.clear()
  }

  /** These have work here, and no others. */
  busy(jobs: ReadonlySet<string>): void {
    // What those that were busy until now have had counts first.
    this.#raise()
    for (const [job, standing] of this.#jobs) {
      const isBusy = jobs.has(job)
      // Who comes back takes its place among the others.
      if (isBusy && !standing.isBusy) standing.served = Math.max(standing.served, this.#floorOf(standing.priority))
      standing.isBusy = isBusy
    }
  }

  /** A slot was at the job for so long. */
  charge(job: string, seconds: number): void {
    const standing = this.#jobs.get(job)
    if (standing === undefined) return
    standing.served += seconds / standing.weight
    standing.hasRun = true
  }

  /** Who of these is next. */
  next(contenders: readonly Contender[]): string | undefined {
    let next: Contender | undefined
    let nextKey = Number.POSITIVE_INFINITY
    const top = Math.max(...contenders.map(({ job }) => this.priorityOf(job)))
    const among = contenders.filter(({ job }) => this.priorityOf(job) === top)
    const mostWeight = Math.max(1, ...among.map(({ job }) => this.#jobs.get(job)?.weight ?? 1))
    for (const contender of among) {
      const standing = this.#jobs.get(contender.job)
      const isLate = contender.isCostly && standing?.hasRun === true
      const key = (standing?.served ?? 0) + (isLate ? SWITCH_SECONDS / mostWeight : 0)
      if (key >= nextKey) continue
      next = contender
      nextKey = key
    }
    return next?.job
  }

  /** A job that has waited without a slot: of those that have slots, who ends a shard early for it. `running`: how many slots each has. */
  yielder(waiting: string, running: ReadonlyMap<string, number>): string | undefined {
    if (running.has(waiting)) return undefined
    const own = this.#jobs.get(waiting)
    let yielder: string | undefined
    let most = Number.NEGATIVE_INFINITY
    for (const [job, slots] of running) {
      const other = this.#jobs.get(job)
      if (own === undefined || other === undefined || other.priority > own.priority) continue
      // The only slot of a job that had no more than the one that waits stays with it.
      if (other.priority === own.priority && slots === 1 && other.served <= own.served) continue
      const key = (own.priority - other.priority) * 1e12 + other.served
      if (key <= most) continue
      most = key
      yielder = job
    }
    return yielder
  }

  #floorOf(priority: number): number {
    return this.#floors.get(priority) ?? 0
  }

  #raise(): void {
    const least = new Map<number, number>()
    for (const { priority, served, isBusy } of this.#jobs.values())
      if (isBusy) least.set(priority, Math.min(least.get(priority) ?? Number.POSITIVE_INFINITY, served))
    for (const [priority, served] of least) this.#floors.set(priority, Math.max(this.#floorOf(priority), served))
  }
}
