// The transport of the simulation, as JetStream behaves at its worst: a work queue for each job and epoch whose deliveries may
// be void, late or repeated; a stream of reports that outlives epochs; beats and broadcasts that anything may happen to; and
// any suffix of what was stored may vanish. In: what proto/transport.ts takes. Out: the same, later, twice or never.
import type { Report } from '../../proto/outcome.js'
import type { Beat, Broadcast } from '../../proto/presence.js'
import type { Task } from '../../proto/shard.js'
import type { Faults, Mishap } from './faults.js'
import type { Process } from './process.js'
import type { Random } from './random.js'
import type { Timeline } from './timeline.js'

export const ACK_WAIT_SECONDS = 5
const STORE_SECONDS = 1
const CHECK_SECONDS = 3

/** What the network must know of an agent's process. */
export interface Peer extends Process {
  readonly name: string
  /** Nothing it sends arrives. */
  readonly isCutOff: boolean
  /** Nothing arrives that is sent to it. */
  readonly isDeaf: boolean
  hear(broadcast: Broadcast): void
}

export interface Listener extends Process {
  hearBeat(beat: Beat): void
}

export class Wire {
  readonly #random: Random
  readonly #faults: Faults
  readonly timeline: Timeline

  constructor(random: Random, faults: Faults, timeline: Timeline) {
    this.#random = random
    this.#faults = faults
    this.timeline = timeline
  }

  happens(kind: Mishap): boolean {
    return this.#faults.happens(kind)
  }

  later(late: Mishap, act: () => void): void {
    const seconds = this.happens(late) ? this.#random.between(0.1, 4) : this.#random.between(0.0002, 0.003)
    this.timeline.after(seconds, act)
  }

  /** A message that nobody waits for an answer to. */
  tell(kind: 'beat' | 'broadcast', act: () => void): void {
    if (this.happens(`${kind} lost`)) return
    this.later(`${kind} late`, act)
    if (this.happens(`${kind} twice`)) this.later(`${kind} late`, act)
  }

  between(from: number, to: number): number {
    return this.#random.between(from, to)
  }

  whole(from: number, to: number): number {
    return this.#random.whole(from, to)
  }
}

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

/** The reports of one job: stored in order, read in order, at least once. */
export class Reports {
  readonly #wire: Wire
  readonly #onReport: (report: Report) => void
  readonly #reader: Process
  #stored: { readonly id: string; readonly report: Report }[] = []
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
  store(agent: Peer, id: string, report: Report, done: (stored: boolean) => void): void {
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
        this.#stored.push({ id, report })
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
      for (const { report } of unread) this.#reader.do(() => this.#onReport(report))
    })
  }
}

/** Everything that agents and coordinator share. */
export class Network {
  readonly wire: Wire
  readonly peers = new Set<Peer>()
  readonly #queues = new Map<string, Queue>()
  readonly #reports = new Map<string, Reports>()
  listener: Listener | undefined

  constructor(wire: Wire) {
    this.wire = wire
  }

  openQueue(job: string, epoch: number, onLost: () => void): Queue {
    const queue = new Queue(this.wire, onLost)
    this.#queues.set(`${job}/${epoch}`, queue)
    return queue
  }

  openReports(job: string, reports: Reports): void {
    this.#reports.set(job, reports)
  }

  pull(job: string, epoch: number, waitSeconds: number, pull: Pull): void {
    const queue = this.#queues.get(`${job}/${epoch}`)
    // A pull that is cut off is asked for in vain.
    if (queue === undefined || pull.agent.isCutOff) {
      const isGone = queue === undefined
      const seconds = isGone ? 0.001 : waitSeconds
      this.wire.timeline.after(seconds, () =>
        pull.agent.do(() => {
          pull.isOver = true
          pull.onEnd(isGone ? -1 : 0)
        }),
      )
    } else queue.pull(pull, waitSeconds)
  }

  report(agent: Peer, id: string, report: Report, done: (stored: boolean) => void): void {
    const reports = this.#reports.get(report.job)
    if (reports === undefined) throw new Error(`a report of job ${report.job}, which nobody opened`)
    reports.store(agent, id, report, done)
  }

  beat(agent: Peer, beat: Beat): void {
    if (agent.isCutOff) return
    this.wire.tell('beat', () => this.listener?.do(() => this.listener?.hearBeat(beat)))
  }

  broadcast(broadcast: Broadcast): void {
    for (const peer of this.peers) {
      if (!peer.isDeaf && !peer.isDead) this.wire.tell('broadcast', () => peer.do(() => peer.hear(broadcast)))
    }
  }
}
