// Many agents, as a coordinator sees them: they pull, run for as long as their items take, report, beat, give back, and end
// what is settled elsewhere. In: a cluster's shape; the messages of a real coordinator. Out: the messages of agents, as bytes.
// Always true: a slot runs one shard at a time; what an agent holds is in its beats. Nothing goes wrong here: that is simulate.ts.

import { countOf, EMPTY_ITEMS } from '../../proto/items.js'
import { LiveAttempts } from '../../proto/live.js'
import type { Report } from '../../proto/outcome.js'
import { BEAT_SECONDS, type Broadcast, type Held } from '../../proto/presence.js'
import { beatCodec, broadcastCodec } from '../../proto/presence-codec.js'
import type { Task } from '../../proto/shard.js'
import { reportCodec, taskCodec } from '../../proto/shard-codec.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'
import type { CoordinatorTransport, JobChannel, OnReport } from '../../proto/transport.js'
import { VERSIONS } from '../../proto/version.js'
import type { Timeline } from './timeline.js'
import type { VirtualTime } from './virtual-time.js'

export interface FleetOptions {
  /** The speeds of the hosts, slot by slot: 1 is that of the grain. */
  readonly hosts: readonly { readonly slots: number; readonly speed: number }[]
  /** How long the items [start, end) take on a host of speed 1. */
  readonly workSeconds: (start: number, end: number) => number
  /** One way. */
  readonly latencySeconds: number
  /** What the coordinator needs for a report, and for the offer that follows it. */
  readonly serviceSeconds: number
}

interface Run {
  readonly task: Task
  readonly host: Host
  readonly slot: number
  readonly beganSeconds: number
  end: number
  reported: number
  sequence: number
  /** Since when what is not reported runs. */
  sinceSeconds: number
  isOver: boolean
}

interface Host {
  readonly name: string
  readonly speed: number
  readonly slots: number
  readonly waiting: Task[]
  /** By slot. */
  readonly running: (Run | undefined)[]
  reported: Task[]
  sequence: number
}

const HELD_PER_SLOT = 2
const START_SECONDS = 0.06
/** From a slot's report to the first item of its next shard. */
const DISPATCH_SECONDS = 0.0003
const FLUSH_SECONDS = 0.15
const FLUSHES = 8

export class Fleet implements CoordinatorTransport {
  readonly limitBytes = 1024 * 1024
  readonly closed = new Promise<undefined>(() => {})
  readonly #options: FleetOptions
  readonly #timeline: Timeline
  readonly #time: VirtualTime
  readonly #hosts: Host[]
  readonly #queue: Task[] = []
  #next = 0
  /** Hosts that may have room, as they asked. */
  readonly #asking: Set<Host>
  readonly #runs = new Map<number, Run[]>()
  #onReport: OnReport = () => {}
  #reports = 0
  #onBeat: (message: Uint8Array) => void = () => {}
  #servedAtSeconds = 0
  #isOver = false
  reports = 0
  broadcastBytes = 0
  /** What slots did, by the measure of a host of speed 1; also what was for nothing. */
  workedSeconds = 0

  constructor(options: FleetOptions, timeline: Timeline, time: VirtualTime) {
    this.#options = options
    this.#timeline = timeline
    this.#time = time
    this.#hosts = options.hosts.map(({ slots, speed }, nth) => ({
      name: `host-${nth}`,
      speed,
      slots,
      waiting: [],
      running: new Array<Run | undefined>(slots).fill(undefined),
      reported: [],
      sequence: 0,
    }))
    this.#asking = new Set(this.#hosts)
  }

  get slots(): number {
    return this.#hosts.reduce((sum, { slots }) => sum + slots, 0)
  }

  /** Beats begin, each host at its own moment. */
  start(): void {
    for (const [nth, host] of this.#hosts.entries()) {
      this.#beat(host)
      this.#timeline.after((BEAT_SECONDS * nth) / this.#hosts.length, () =>
        this.#timeline.every(
          BEAT_SECONDS,
          () => this.#isOver,
          () => this.#beat(host),
        ),
      )
    }
  }

  async openJob(_job: string, _epoch: number, onReport: OnReport): Promise<JobChannel> {
    this.#onReport = onReport
    return {
      lost: new Promise(() => {}),
      trim: () => {},
      close: async () => {
        this.#isOver = true
      },
      offer: async (_id, message) => {
        const task = taskCodec.decode(message)
        this.#timeline.after(this.#options.latencySeconds, () => {
          this.#queue.push(task)
          this.#match()
        })
      },
    }
  }

  async dropEpochsBefore(): Promise<void> {}

  async dropJob(): Promise<void> {}

  broadcast(message: Uint8Array): void {
    this.broadcastBytes += message.byteLength
    // All of them hear the same: it is read once.
    const broadcast = broadcastCodec.decode(message)
    this.#timeline.after(this.#options.latencySeconds, () => this.#hear(broadcast))
  }

  onBeat(handler: (beat: Uint8Array) => void): { close(): void } {
    this.#onBeat = handler
    return { close: () => {} }
  }

  serveBlobs(): { close(): void } {
    return { close: () => {} }
  }

  async close(): Promise<void> {
    this.#isOver = true
  }

  /** To the coordinator, which serves one message after the other. */
  #tell(act: () => void, serviceSeconds: number): void {
    const arrives = this.#timeline.now + this.#options.latencySeconds
    this.#servedAtSeconds = Math.max(arrives, this.#servedAtSeconds) + serviceSeconds
    this.#timeline.after(this.#servedAtSeconds - this.#timeline.now, () => this.#time.call(act))
  }

  #beat(host: Host): void {
    const held: Held[] = []
    const add = ({ job, epoch, shard, attempt }: Task, started: boolean, reported: boolean): void => {
      held.push({ job, epoch, shard, attempt, started, reported })
    }
    for (const run of host.running) if (run) add(run.task, true, false)
    for (const task of host.waiting) add(task, false, false)
    for (const task of host.reported) add(task, true, true)
    const { name: agent, slots } = host
    const own = { agent, host: agent, versions: VERSIONS, program: '' }
    const beat = beatCodec.encode({ ...own, sequence: ++host.sequence, slots, draining: false, held })
    this.#tell(() => this.#onBeat(beat), this.#options.serviceSeconds / 4)
  }

  #match(): void {
    for (const host of this.#asking) {
      if (this.#next >= this.#queue.length) break
      this.#asking.delete(host)
      if (this.#roomOf(host) <= 0) continue
      host.waiting.push(this.#queue[this.#next++] as Task)
      // Behind the others.
      if (this.#roomOf(host) > 0) this.#asking.add(host)
      this.#assign(host)
    }
    if (this.#next < 10_000 || this.#next < this.#queue.length >>> 1) return
    this.#queue.splice(0, this.#next)
    this.#next = 0
  }

  #roomOf(host: Host): number {
    const running = host.running.reduce((sum, run) => sum + (run ? 1 : 0), 0)
    return HELD_PER_SLOT * host.slots - running - host.waiting.length
  }

  #assign(host: Host): void {
    for (let slot = host.running.indexOf(undefined); slot >= 0; slot = host.running.indexOf(undefined)) {
      const task = host.waiting.shift()
      if (task === undefined) return
      this.#begin(host, slot, task)
    }
  }

  #begin(host: Host, slot: number, task: Task): void {
    const { now } = this.#timeline
    const beganSeconds = now < START_SECONDS ? now + START_SECONDS : now + DISPATCH_SECONDS
    if ('sha256' in task.items) throw new Error('items of a simulation are a range')
    const end = task.start + countOf(task.items)
    const run: Run = {
      task,
      host,
      slot,
      beganSeconds,
      end,
      reported: task.start,
      sequence: 0,
      sinceSeconds: beganSeconds,
      isOver: false,
    }
    host.running[slot] = run
    const others = this.#runs.get(task.shard)
    if (others) others.push(run)
    else this.#runs.set(task.shard, [run])
    this.#goOn(run)
  }

  #secondsOf(run: Run, to: number): number {
    return this.#options.workSeconds(run.reported, to) / run.host.speed
  }

  /** Plans the next report: when the shard ends, when its box does, or when finished work has waited long enough. */
  #goOn(run: Run): void {
    const boxEndSeconds = run.beganSeconds + run.task.timeBoxSeconds
    const flushSeconds = Math.max(FLUSH_SECONDS, run.task.timeBoxSeconds / FLUSHES)
    const untilSeconds = Math.min(run.sinceSeconds + flushSeconds, boxEndSeconds)
    const to = this.#reach(run, Math.max(untilSeconds, run.sinceSeconds))
    const atSeconds = run.sinceSeconds + this.#secondsOf(run, to)
    const plannedEnd = run.end
    this.#timeline.after(atSeconds - this.#timeline.now, () => {
      if (run.isOver) return
      if (run.end < to && plannedEnd !== run.end) this.#report(run, run.end, true)
      else this.#report(run, to, to >= run.end || this.#timeline.now >= boxEndSeconds - 1e-9)
    })
  }

  /** The first item that is not done at that time; one is always done. */
  #reach(run: Run, seconds: number): number {
    let low = run.reported + 1
    let high = run.end
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (run.sinceSeconds + this.#secondsOf(run, middle) >= seconds) high = middle
      else low = middle + 1
    }
    return low
  }

  #report(run: Run, end: number, last: boolean): void {
    const { host, task, reported: start } = run
    const computeSeconds = this.#secondsOf(run, end)
    this.workedSeconds += computeSeconds * host.speed
    run.reported = end
    run.sinceSeconds = this.#timeline.now
    this.#send(run, { start, end, last, computeSeconds })
    if (!last) {
      this.#goOn(run)
      return
    }
    host.reported.push(task)
    this.#free(run)
  }

  #free(run: Run): void {
    const { host, slot, task } = run
    run.isOver = true
    host.running[slot] = undefined
    const others = (this.#runs.get(task.shard) ?? []).filter(other => other !== run)
    if (others.length > 0) this.#runs.set(task.shard, others)
    else this.#runs.delete(task.shard)
    this.#assign(host)
    this.#timeline.after(this.#options.latencySeconds, () => {
      this.#asking.add(host)
      this.#match()
    })
  }

  #send(
    { task, host, slot, sequence }: Pick<Run, 'task' | 'host' | 'slot' | 'sequence'>,
    more: Partial<Report> & { readonly start: number; readonly end: number; readonly computeSeconds: number },
  ): void {
    const { computeSeconds, start, end, last = false, givenBack } = more
    const { job, epoch, shard, attempt } = task
    const count = end - start
    const report = reportCodec.encode({
      ...{ job, epoch, shard, attempt, slot, sequence, start, end, last, failures: [], agent: host.name },
      values: count === 0 ? EMPTY_ITEMS : { form: 'range', start, step: 1, count },
      timing: { ...NO_SLOT_TIME, computeSeconds, cpuSeconds: computeSeconds, dispatchSeconds: DISPATCH_SECONDS },
      ...(givenBack && { givenBack }),
    })
    this.reports++
    this.#tell(() => this.#onReport(report, ++this.#reports), this.#options.serviceSeconds)
  }

  #hear(broadcast: Broadcast): void {
    for (const host of this.#hosts) host.reported = []
    for (const active of broadcast.jobs) {
      for (const { shard, attempt } of active.recalled) this.#recall(shard, attempt)
      const live = new LiveAttempts(active.live)
      // Of those that run twice one may be settled by the other.
      for (const [shard, runs] of this.#runs)
        if (shard < active.nextShard && live.get(shard) === undefined) for (const run of [...runs]) this.#abort(run)
    }
  }

  /** What ran for nothing is work all the same. */
  #abort(run: Run): void {
    this.workedSeconds += Math.max(0, this.#timeline.now - run.sinceSeconds) * run.host.speed
    this.#free(run)
  }

  #recall(shard: number, attempt: number): void {
    const run = this.#runs.get(shard)?.find(({ task }) => task.attempt === attempt)
    if (run === undefined) this.#recallWaiting(shard, attempt)
    else {
      const start = Math.min(run.end, this.#reach(run, this.#timeline.now))
      if (start >= run.end) return
      const givenBack = { start, end: run.end }
      run.end = start
      const at = run.reported
      this.#send(run, { start: at, end: at, computeSeconds: 0, givenBack })
      run.sequence++
      // Its end comes sooner than planned.
      const seconds = run.sinceSeconds + this.#secondsOf(run, start) - this.#timeline.now
      this.#timeline.after(
        Math.max(0, seconds),
        () => !run.isOver && run.reported < run.end && this.#report(run, run.end, true),
      )
    }
  }

  #recallWaiting(shard: number, attempt: number): void {
    for (const host of this.#hosts) {
      const at = host.waiting.findIndex(task => task.shard === shard && task.attempt === attempt)
      const [task] = at < 0 ? [] : host.waiting.splice(at, 1)
      if (task === undefined) continue
      const { start } = task
      this.#send({ task, host, slot: 0, sequence: 0 }, { start, end: start, last: true, computeSeconds: 0 })
      return
    }
  }
}
