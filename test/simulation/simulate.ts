// One seed: a coordinator, some agents, one or two jobs, and whatever the seed lets go wrong. In: a seed. Out: what happened;
// a promise that was broken throws. Promises: every item ends with exactly one outcome, the right one, in order where order
// was asked for; once the faults are over, every job ends in bounded time; at the end nobody holds anything.
import { SimAgent } from './agent.js'
import { SimCoordinator } from './coordinator.js'
import { DISASTERS, type Disaster, Faults } from './faults.js'
import { SimJob } from './job.js'
import { Network } from './network.js'
import { Random } from './random.js'
import { Timeline } from './timeline.js'
import { Wire } from './wire.js'

export interface Played {
  readonly seed: number
  readonly jobs: number
  readonly items: number
  readonly executions: number
  readonly faults: ReadonlyMap<string, number>
  readonly virtualSeconds: number
}

/**
 * The longest that a job may still take when nothing goes wrong any more, beside its work: an offer that was lost again and
 * again while things did (20 s at most) is repeated after 24 s; then an item may still bring down eight hosts in turn, of
 * which each is missed and replaced within 6 s.
 */
const BOUND_SECONDS = 80
/** After the last broadcast of a job its agents let go of it. */
const REST_SECONDS = 3

class World {
  readonly timeline = new Timeline()
  readonly random: Random
  readonly faults: Faults
  readonly network: Network
  readonly coordinator: SimCoordinator
  readonly agents = new Set<SimAgent>()
  readonly jobs: SimJob[]
  #joined = 0

  constructor(seed: number) {
    this.random = new Random(seed)
    const { random, timeline } = this
    this.faults = new Faults(random, timeline)
    this.network = new Network(new Wire(random, this.faults, timeline))
    this.coordinator = new SimCoordinator(this.network)
    this.jobs = Array.from({ length: random.chance(0.15) ? 2 : 1 }, (_, nth) => new SimJob(`job ${nth}`, random))
    for (let agents = random.whole(1, 4); agents > 0; agents--)
      timeline.after(random.between(0, 0.3), () => this.join())
    for (const [nth, job] of this.jobs.entries())
      timeline.after(nth * random.between(0, 2), () => this.coordinator.do(() => this.coordinator.start(job)))
    // Hosts that refused a job never take it again.
    timeline.after(this.faults.clearSeconds, () => this.join())
    for (const disaster of DISASTERS) this.faults.plan(disaster, () => this.strike(disaster))
  }

  join(): void {
    const { timeline, faults, network, random } = this
    const agent = new SimAgent(`a${this.#joined++}`, random.whole(1, 3), {
      timeline,
      faults,
      network,
      jobOf: name => this.jobs.find(job => job.name === name) as SimJob,
      onEnd: ended => this.leave(ended),
    })
    agent.isBad = !faults.areOver && random.chance(0.2)
    this.agents.add(agent)
    network.peers.add(agent)
  }

  /** Somebody takes a dead agent's place, as a supervisor would see to. */
  leave(agent: SimAgent): void {
    agent.kill()
    this.agents.delete(agent)
    this.network.peers.delete(agent)
    if (this.random.chance(0.7) || [...this.agents].every(({ isBad }) => isBad))
      this.timeline.after(this.random.between(0.1, 3), () => this.join())
  }

  strike(disaster: Disaster): void {
    const { random, timeline, coordinator } = this
    const agent = this.agents.size === 0 ? undefined : random.pick([...this.agents])
    const run = coordinator.runs.length === 0 ? undefined : random.pick(coordinator.runs)
    switch (disaster) {
      case 'agent killed':
        if (agent) this.leave(agent)
        break
      case 'agent frozen':
        agent?.freeze()
        timeline.after(random.between(0.2, 8), () => agent?.thaw())
        break
      case 'agent cut off from the server':
        this.#cut(agent, 'cutOffUntilSeconds')
        break
      case 'server cut off from an agent':
        this.#cut(agent, 'deafUntilSeconds')
        break
      case 'agent drained':
        agent?.do(() => agent.drain(random.pick([0, 1, 10])))
        break
      case 'agent joins':
        if (this.agents.size < 6) this.join()
        break
      case 'coordinator paused':
        coordinator.freeze()
        timeline.after(random.between(0.5, 6), () => coordinator.thaw())
        break
      case 'newest tasks lost':
      case 'all tasks lost':
        run?.queue?.lose(disaster === 'all tasks lost')
        break
      case 'newest reports lost':
      case 'all reports lost':
        run?.reports.lose(disaster === 'all reports lost')
        break
    }
  }

  #cut(agent: SimAgent | undefined, side: 'cutOffUntilSeconds' | 'deafUntilSeconds'): void {
    if (agent === undefined) return
    const seconds = this.random.between(0.2, 10)
    agent[side] = this.timeline.now + seconds
    this.timeline.after(seconds, () => agent.do(() => agent.reconnect()))
  }

  get isOver(): boolean {
    const { runs } = this.coordinator
    return runs.length === this.jobs.length && runs.every(run => run.isOver)
  }

  check(): void {
    for (const { job, split, gather, watch, state } of this.coordinator.runs) {
      watch.checkAll()
      if (state !== 'done') {
        if (state === 'interrupted' && job.interruptSeconds === undefined)
          throw new Error(`${job.name} was interrupted`)
        continue
      }
      if (job.written !== job.count) throw new Error(`${job.written} of ${job.count} items were written`)
      if (split.heldBytes !== 0) throw new Error(`split holds ${split.heldBytes} bytes at the end`)
      if (gather.heldBytes !== 0) throw new Error(`gather holds ${gather.heldBytes} bytes at the end`)
      if (watch.ledger.liveShards !== 0) throw new Error(`${watch.ledger.liveShards} shards live at the end`)
    }
    for (const agent of this.agents) {
      if (agent.held > 0) throw new Error(`${agent.name} holds ${agent.held} shards after the end`)
      if (agent.outbox.bytes !== 0) throw new Error(`${agent.name} keeps ${agent.outbox.bytes} bytes after the end`)
      if (!agent.outbox.isStored) throw new Error(`${agent.name} still sends after the end`)
    }
  }
}

export const simulate = (seed: number): Played => {
  const world = new World(seed)
  const { timeline, faults, jobs } = world
  const workSeconds = jobs.reduce((sum, job) => sum + job.workSeconds, 0)
  const bound = faults.clearSeconds + BOUND_SECONDS + 2 * workSeconds
  if (!timeline.run(() => world.isOver, bound)) {
    const states = world.coordinator.runs.map(
      ({ job, state }) => `${job.name} is ${state}, ${job.written} of ${job.count} written`,
    )
    throw new Error(`not over after ${bound} s: ${states.join('; ')}`)
  }
  const virtualSeconds = timeline.now
  // Frozen agents thaw within 8 s of their freezing, late messages come within 4.
  timeline.run(() => false, Math.max(timeline.now, faults.clearSeconds + 12) + REST_SECONDS)
  world.check()
  return {
    seed,
    jobs: jobs.length,
    items: jobs.reduce((sum, { count }) => sum + count, 0),
    executions: jobs.reduce((sum, { executed }) => sum + executed, 0),
    faults: faults.counts,
    virtualSeconds,
  }
}
