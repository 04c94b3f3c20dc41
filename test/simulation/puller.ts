// Pulls of a simulated agent, after agent/puller.ts. In: room, and the jobs that may be asked. Out: tasks, as they come. It
// follows that file step by step; what changes there changes here.
import type { KnownJob } from '../../agent/intake.js'
import type { Task } from '../../proto/shard.js'
import type { Network } from './network.js'
import type { Pull } from './queue.js'
import type { Peer } from './wire.js'

export interface SimSource {
  readonly job: string
  readonly known: Pick<KnownJob, 'epoch'>
  isStopped: boolean
  pulls: Pull[]
  pulling: boolean
}

export interface SimPullerOptions {
  readonly agent: Peer
  readonly network: Network
  readonly room: () => number
  readonly sources: () => { readonly ready: readonly SimSource[]; readonly inAll: number }
  readonly onTask: (task: Task) => void
}

const PULL_SECONDS = { only: 5, several: 1 }
const MISSING_QUEUE_SECONDS = 0.5

export class SimPuller {
  readonly #options: SimPullerOptions
  #outstandingCredit = 0

  constructor(options: SimPullerOptions) {
    this.#options = options
  }

  pull(): void {
    const room = this.#options.room() - this.#outstandingCredit
    if (room <= 0) return
    const { ready, inAll } = this.#options.sources()
    const idle = ready.filter(source => !source.pulling)
    const waitSeconds = inAll > 1 ? PULL_SECONDS.several : PULL_SECONDS.only
    for (const source of idle) this.#pullFrom(source, Math.max(1, Math.floor(room / idle.length)), waitSeconds)
  }

  /** As aborting the signal of its pulls. */
  stop(source: SimSource): void {
    source.isStopped = true
    for (const pull of source.pulls) {
      if (pull.isOver) continue
      pull.isOver = true
      pull.onEnd(pull.taken)
    }
  }

  #pullFrom(source: SimSource, credit: number, waitSeconds: number): void {
    const { agent, network, onTask } = this.#options
    source.pulling = true
    let open = credit
    this.#outstandingCredit += credit
    const settle = (count: number): void => {
      const used = Math.min(count, open)
      open -= used
      this.#outstandingCredit -= used
    }
    const end = (): void => {
      const wasOpen = open > 0
      settle(open)
      if (wasOpen) source.pulling = false
      source.pulls = source.pulls.filter(other => other !== pull)
      this.pull()
    }
    const pull: Pull = {
      agent,
      open: credit,
      taken: 0,
      isOver: false,
      onTask: task => {
        settle(1)
        onTask(task)
        if (open === 0) source.pulling = false
        this.pull()
      },
      onEnd: taken => {
        if (taken < 0 && !source.isStopped)
          network.wire.timeline.after(MISSING_QUEUE_SECONDS, () => agent.do(() => end()))
        else end()
      },
    }
    source.pulls.push(pull)
    network.pull(source.job, source.known.epoch, waitSeconds, pull)
  }
}
