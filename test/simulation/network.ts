// The transport of the simulation: everything that agents and coordinator share. In: what proto/transport.ts takes. Out: the
// same, later, twice or never.
import type { Report } from '../../proto/outcome.js'
import type { Beat, Broadcast } from '../../proto/presence.js'
import type { Process } from './process.js'
import { type Pull, Queue } from './queue.js'
import type { Reports } from './reports.js'
import type { Peer, Wire } from './wire.js'

export interface Listener extends Process {
  hearBeat(beat: Beat): void
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

  /** Of one job, stored as one. */
  report(agent: Peer, id: string, together: readonly Report[], done: (stored: boolean) => void): void {
    const [{ job }] = together as [Report, ...Report[]]
    const reports = this.#reports.get(job)
    if (reports === undefined) throw new Error(`a report of job ${job}, which nobody opened`)
    reports.store(agent, id, together, done)
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
