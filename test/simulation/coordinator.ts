// A simulated coordinator: the hands of coordinator/coordinator.ts over a fake clock and network. In: jobs, beats. Out:
// broadcasts. It follows that file step by step; what changes there changes here.
import { BEAT_SECONDS, type Beat, LEASE_SECONDS } from '../../proto/presence.js'
import { VERSIONS } from '../../proto/version.js'
import type { SimJob } from './job.js'
import type { Listener, Network } from './network.js'
import { Process } from './process.js'
import { SimRun } from './run.js'
import type { Timeline } from './timeline.js'

const AGENT_GONE_SECONDS = 2 * LEASE_SECONDS
const TICK_SECONDS = BEAT_SECONDS / 2
const CHANGE_SECONDS = 0.01

export class SimCoordinator extends Process implements Listener {
  readonly runs: SimRun[] = []
  readonly #network: Network
  readonly #timeline: Timeline
  readonly #agents = new Map<string, number>()
  #sequence = 0
  #isBroadcastDue = false
  #isBroadcastSoon = false

  constructor(network: Network) {
    super()
    this.#network = network
    this.#timeline = network.wire.timeline
    network.listener = this
    this.#timeline.every(
      TICK_SECONDS,
      () => false,
      () => this.isRunning && this.#tick(),
    )
  }

  start(job: SimJob): void {
    this.runs.push(new SimRun(job, this, this.#network, () => this.#broadcastSoon()))
  }

  hearBeat(beat: Beat): void {
    const { now } = this.#timeline
    if (!this.#agents.has(beat.agent)) this.#broadcastSoon()
    this.#agents.set(beat.agent, now)
    for (const run of this.runs) if (!run.isOver) run.beat(beat, now)
  }

  #tick(): void {
    const { now } = this.#timeline
    for (const [agent, seenAtSeconds] of this.#agents) {
      if (now - seenAtSeconds <= AGENT_GONE_SECONDS) continue
      this.#agents.delete(agent)
      for (const run of this.runs) run.gone(agent)
    }
    for (const run of this.runs) run.tick(now)
    this.#isBroadcastDue = !this.#isBroadcastDue
    if (this.#isBroadcastDue) this.#broadcast()
  }

  #broadcastSoon(): void {
    if (this.#isBroadcastSoon) return
    this.#isBroadcastSoon = true
    this.#timeline.after(CHANGE_SECONDS, () => this.do(() => this.#isBroadcastSoon && this.#broadcast()))
  }

  #broadcast(): void {
    this.#isBroadcastSoon = false
    const jobs = this.runs.filter(run => !run.isOver).map(run => run.active())
    const own = { coordinator: 'c', versions: VERSIONS, program: '' }
    this.#network.broadcast({ ...own, sequence: ++this.#sequence, jobs, closing: false })
  }
}
