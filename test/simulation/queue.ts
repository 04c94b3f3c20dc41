// The work queue of one job and epoch, as JetStream's behaves at its worst: deliveries are void, late or repeated, and any
// suffix of what was stored may vanish. In: tasks, pulls. Out: tasks, to pulls that have credit; the end of each pull, once.
import type { Task } from '../../proto/shard.js'
import type { Peer, Wire } from './wire.js'

const ACK_WAIT_SECONDS = 5
const CHECK_SECONDS = 3

export interface Pull {
  readonly agent: Peer
  open: number
  taken: number
  isOver: boolean
  readonly onTask: (task: Task) => void
  readonly onEnd: (taken: number) => void
}

/** The work queue of one job and epoch. */
export class Queue {
  readonly #wire: Wire
  readonly #ids = new Set<string>()
  readonly #onLost: () => void
  #tasks: Task[] = []
  #pulls: Pull[] = []
  isGone = false
  #isLossSeen = false

  constructor(wire: Wire, onLost: () => void) {
    this.#wire = wire
    this.#onLost = onLost
  }

  offer(id: string, task: Task): void {
    if (this.#wire.happens('task not stored')) return
    this.#wire.later('task late', () => {
      if (this.isGone || this.#ids.has(id)) return
      this.#ids.add(id)
      this.#put(task)
      if (this.#wire.happens('task twice')) this.#put(task)
    })
  }

  pull(pull: Pull, waitSeconds: number): void {
    const { timeline } = this.#wire
    if (this.isGone) timeline.after(0.001, () => this.end(pull, true))
    else {
      this.#pulls.push(pull)
      timeline.after(waitSeconds, () => this.end(pull, false))
      this.#match()
    }
  }

  end(pull: Pull, isGone: boolean): void {
    pull.agent.do(() => {
      if (pull.isOver) return
      pull.isOver = true
      pull.onEnd(isGone && pull.taken === 0 ? -1 : pull.taken)
    })
  }

  /** The newest tasks vanish, and with them what was known of them; the coordinator finds out, sooner or later. */
  lose(isAll: boolean): void {
    const kept = isAll ? 0 : this.#wire.whole(0, this.#tasks.length)
    this.#tasks.splice(kept)
    if (isAll) this.delete()
    if (this.#isLossSeen) return
    this.#isLossSeen = true
    this.#wire.timeline.after(this.#wire.between(0, CHECK_SECONDS), this.#onLost)
  }

  delete(): void {
    this.isGone = true
    this.#tasks = []
    for (const pull of this.#pulls) this.#wire.timeline.after(0.001, () => this.end(pull, true))
    this.#pulls = []
  }

  #put(task: Task): void {
    this.#tasks.push(task)
    this.#match()
  }

  #match(): void {
    while (this.#tasks.length > 0) {
      this.#pulls = this.#pulls.filter(pull => pull.open > 0 && !pull.isOver && !pull.agent.isDead)
      const pull = this.#pulls[0]
      if (pull === undefined) return
      pull.open--
      this.#deliver(this.#tasks.shift() as Task, pull)
    }
  }

  #deliver(task: Task, pull: Pull): void {
    const wire = this.#wire
    // The server takes it for acknowledged, and nobody has it.
    if (wire.happens('task void')) return
    let isAcknowledged = false
    wire.timeline.after(ACK_WAIT_SECONDS, () => {
      if (!isAcknowledged && !this.isGone) this.#put(task)
    })
    if (pull.agent.isDeaf || wire.happens('task not delivered')) return
    wire.later('task late', () =>
      pull.agent.do(() => {
        if (pull.isOver) return
        if (!pull.agent.isCutOff && !wire.happens('task ack lost')) isAcknowledged = true
        pull.taken++
        if (pull.open === 0) this.end(pull, false)
        pull.onTask(task)
      }),
    )
  }
}
