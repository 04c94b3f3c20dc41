// The fake clock, and what is to happen on it. In: acts and their times. Out: the acts, called in the order of their times.
// Always true: of two acts of one time the one planned first comes first, so that a seed replays exactly.

interface Planned {
  readonly seconds: number
  readonly order: number
  readonly act: () => void
}

const isBefore = (a: Planned, b: Planned): boolean =>
  a.seconds < b.seconds || (a.seconds === b.seconds && a.order < b.order)

export class Timeline {
  /** A binary heap. */
  readonly #planned: Planned[] = []
  #order = 0
  now = 0

  readonly clock = (): number => this.now

  after(waitSeconds: number, act: () => void): void {
    const planned = { seconds: this.now + waitSeconds, order: this.#order++, act }
    const heap = this.#planned
    let at = heap.push(planned) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (isBefore(heap[parent] as Planned, planned)) break
      heap[at] = heap[parent] as Planned
      at = parent
    }
    heap[at] = planned
  }

  every(seconds: number, isOver: () => boolean, act: () => void): void {
    this.after(seconds, () => {
      if (isOver()) return
      act()
      this.every(seconds, isOver, act)
    })
  }

  /** Calls what is planned until there is enough, or the time is up; says which. */
  run(isEnough: () => boolean, untilSeconds: number): boolean {
    while (!isEnough()) {
      const next = this.#take()
      if (next === undefined || next.seconds > untilSeconds) return false
      this.now = next.seconds
      next.act()
    }
    return true
  }

  #take(): Planned | undefined {
    const heap = this.#planned
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Planned, heap[child] as Planned)) child++
      if (isBefore(last, heap[child] as Planned)) break
      heap[at] = heap[child] as Planned
      at = child
    }
    heap[at] = last
    return first
  }
}
