// Where a job's core-seconds went. A pure machine: agents, reports and decisions in, the receipt out (design.md, section 9).
// Always true: the phases of the receipt add up to its capacity; only durations of one host's clock are subtracted.
import type { SlotTiming } from '../proto/timing.js'
import { advise } from './advice.js'
import { Decisions } from './decisions.js'
import { gainOf } from './gain.js'
import { PHASES, type Phases, type Receipt } from './receipt.js'
import { Serial } from './serial.js'
import { ServedTime } from './served.js'

export interface AccountsOptions {
  readonly job: string
  readonly name: string
  readonly placement: Receipt['placement']
  /** Items of a shard, where the user fixed them. */
  readonly shardSize?: number
}

type Seconds = { -readonly [phase in keyof Phases]: number }

/** What was accounted for twice was on its way or handed over; the rest cannot be. */
const EXCESS_FROM: readonly (keyof Phases)[] = [
  'dispatch',
  'transport',
  'tail',
  'start',
  'lost',
  'encode',
  'decode',
  'compute',
]

export class Accounts {
  readonly #options: AccountsOptions
  readonly #seconds = Object.fromEntries(PHASES.map(phase => [phase, 0])) as Seconds
  readonly #served = new ServedTime()
  readonly #serial = new Serial()
  #elsewhereSeconds = 0
  #startedAtSeconds = 0
  #placement: Receipt['placement']
  duplicates = 0
  reoffers = 0
  shards = 0
  readonly decisions = new Decisions()

  get job(): string {
    return this.#options.job
  }

  constructor(options: AccountsOptions) {
    this.#options = options
    this.#placement = options.placement
  }

  start(now: number): void {
    this.#startedAtSeconds = now
    this.#served.start(now)
  }

  /** The job has got workers there. */
  placed(placement: Receipt['placement']): void {
    this.#placement = placement
  }

  /** An earlier process of the job has settled so many items: this account is that of the others. */
  earlier(items: number, others: number): void {
    const what = `${items} items were settled before, by an earlier process; this account is that of the other ${others}`
    this.decisions.add(0, what, { earlier_items: items })
  }

  /** An agent was heard of: so many of its slots serve from now on; none when it drains. */
  serve(agent: string, slots: number, now: number): void {
    this.#served.serve(agent, slots, now)
  }

  /** An agent was not heard of for too long. */
  gone(agent: string): void {
    this.#served.gone(agent)
  }

  /**
   * `slot`: its agent, a slash, its number. One that no `serve` announced counts for as long as its reports say, so a loop
   * in the caller reports as `caller/0`. `isUsed`: at least one of its outcomes counted.
   */
  report(slot: string, timing: SlotTiming, items: number, isUsed: boolean, now: number): void {
    const { computeSeconds, decodeSeconds, encodeSeconds, dispatchSeconds } = timing
    const { startSeconds, waitSeconds, lostSeconds, elsewhereSeconds } = timing
    const worked = computeSeconds + decodeSeconds + encodeSeconds + dispatchSeconds
    this.#served.report(slot, worked + startSeconds + waitSeconds + lostSeconds, elsewhereSeconds, items, now)
    this.#elsewhereSeconds += elsewhereSeconds
    const seconds = this.#seconds
    seconds.start += startSeconds
    seconds.transport += waitSeconds
    seconds.lost += lostSeconds
    if (!isUsed) {
      seconds.lost += worked
      return
    }
    seconds.compute += computeSeconds
    seconds.decode += decodeSeconds
    seconds.encode += encodeSeconds
    seconds.dispatch += dispatchSeconds
    this.#serial.add(items, timing)
  }

  /** In functions, for outcomes that counted. */
  get computeSeconds(): number {
    return this.#seconds.compute
  }

  /** What workers made was put where the results are. */
  kept(items: number, seconds: number): void {
    this.#serial.kept(items, seconds)
  }

  /** The phases up to now, and the capacity that they add up to. */
  soFar(
    now: number,
    isUnfinished = false,
  ): { readonly capacity: number; readonly unused: number; readonly phases: Phases } {
    const { capacity, unused, excess, ...served } = this.#served.settle(now, isUnfinished)
    const phases = { ...this.#seconds }
    phases.transport += served.transport
    phases.tail += served.tail
    phases.lost += served.lost
    phases.other += served.unknown
    let over = excess
    for (const phase of EXCESS_FROM) {
      const taken = Math.min(over, phases[phase])
      phases[phase] -= taken
      over -= taken
    }
    return { capacity, unused: Math.min(unused, phases.tail), phases }
  }

  /** `isUnfinished`: it ended while slots were at work, and what they were at is lost. */
  receipt(items: number, failed: number, now: number, isUnfinished = false): Receipt {
    const { job, name, shardSize } = this.#options
    const wall = Math.max(now - this.#startedAtSeconds, 1e-9)
    const { capacity, unused, phases } = this.soFar(now, isUnfinished)
    const serial = this.#serial.estimate(this.#placement === 'inline')
    const slots = capacity / wall
    const facts = {
      schema: 'manyhands.receipt/1' as const,
      job,
      name,
      items,
      failed,
      placement: this.#placement,
      slots: Math.round(slots * 100) / 100,
      wall_seconds: wall,
      capacity_core_seconds: capacity,
      core_seconds: phases,
      cpu_core_seconds: this.#serial.cpuSeconds,
      preempted_core_seconds: Math.min(this.#serial.preemptedSeconds, phases.compute),
      unused_core_seconds: unused,
      elsewhere_core_seconds: this.#elsewhereSeconds,
      serial_seconds_estimate: serial,
      ...gainOf({ items, slots, wallSeconds: wall, serialSeconds: serial.value, startSeconds: phases.start }),
      item_seconds: this.#serial.itemSeconds,
      shards: this.shards,
      duplicates: this.duplicates,
      reoffers: this.reoffers,
    }
    return { ...facts, advice: advise(facts, shardSize), decisions: this.decisions.all }
  }
}
