// Where a job's core-seconds went. A pure machine: reports and slots in, the receipt out (design.md, section 9).
// Always true: the phases of the receipt add up to slots x wall; only durations of one host's clock are subtracted.
import type { SlotTiming } from '../proto/timing.js'
import { Decisions } from './decisions.js'
import type { Receipt } from './receipt.js'

export interface AccountsOptions {
  readonly job: string
  readonly name: string
  readonly placement: Receipt['placement']
}

const PHASES = ['compute', 'start', 'decode', 'encode', 'dispatch', 'transport', 'tail', 'lost', 'other'] as const
type Phase = (typeof PHASES)[number]

/** Of the per-item times of shards: the spread of the serial estimate. */
interface Spread {
  shards: number
  mean: number
  squares: number
}

export class Accounts {
  readonly #options: AccountsOptions
  readonly #seconds: Record<Phase, number> = {
    compute: 0,
    start: 0,
    decode: 0,
    encode: 0,
    dispatch: 0,
    transport: 0,
    tail: 0,
    lost: 0,
    other: 0,
  }
  /** When each slot last reported, by agent and slot. */
  readonly #lastReportSeconds = new Map<string, number>()
  readonly #spread: Spread = { shards: 0, mean: 0, squares: 0 }
  #capacitySeconds = 0
  #slots = 0
  #slotsSinceSeconds: number | undefined
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
    this.#slotsSinceSeconds = now
  }

  /** The job has got workers there. */
  placed(placement: Receipt['placement']): void {
    this.#placement = placement
  }

  /** So many slots serve from now on. */
  slots(count: number, now: number): void {
    this.#capacitySeconds += this.#slots * (now - (this.#slotsSinceSeconds ?? now))
    this.#slotsSinceSeconds = now
    this.#slots = count
  }

  /** `isUsed`: at least one of its outcomes counted. */
  report(slot: string, timing: SlotTiming, items: number, isUsed: boolean, now: number): void {
    this.#lastReportSeconds.set(slot, now)
    const seconds = this.#seconds
    seconds.start += timing.startSeconds
    seconds.transport += timing.waitSeconds
    if (!isUsed) {
      seconds.lost += timing.computeSeconds + timing.decodeSeconds + timing.encodeSeconds + timing.dispatchSeconds
      return
    }
    seconds.compute += timing.computeSeconds
    seconds.decode += timing.decodeSeconds
    seconds.encode += timing.encodeSeconds
    seconds.dispatch += timing.dispatchSeconds
    if (items > 0) this.#sample(timing.computeSeconds / items)
  }

  receipt(items: number, failed: number, now: number): Receipt {
    this.slots(this.#slots, now)
    const wall = Math.max(now - this.#startedAtSeconds, 1e-9)
    const capacity = Math.max(this.#capacitySeconds, 0)
    const slots = capacity / wall
    const seconds = { ...this.#seconds }
    for (const at of this.#lastReportSeconds.values()) seconds.tail += Math.max(0, now - at)
    const silent = Math.max(0, Math.round(slots) - this.#lastReportSeconds.size)
    seconds.tail += silent * wall
    const accounted = PHASES.reduce((sum, phase) => sum + seconds[phase], 0)
    // Slots of agents that came or went are rounded; what is over is tail, what is missing is `other`.
    seconds.tail = Math.max(0, seconds.tail - Math.max(0, accounted - capacity))
    const total = PHASES.reduce((sum, phase) => sum + seconds[phase], 0)
    seconds.other = Math.max(0, capacity - total)
    const serial = this.#seconds.compute
    const speedup = serial / wall
    const error = this.#relativeError()
    return {
      schema: 'manyhands.receipt/1',
      job: this.#options.job,
      name: this.#options.name,
      items,
      failed,
      placement: this.#placement,
      slots: Math.round(slots * 100) / 100,
      wall_seconds: wall,
      capacity_core_seconds: capacity,
      core_seconds: seconds,
      serial_seconds_estimate: {
        value: serial,
        low: serial * (1 - error),
        high: serial * (1 + error),
        method: 'the sum of the times inside the function, with all slots busy: on a contended machine it is too high',
      },
      speedup,
      efficiency: capacity > 0 ? serial / capacity : 0,
      break_even_items: this.#breakEven(serial, items, wall),
      shards: this.shards,
      duplicates: this.duplicates,
      reoffers: this.reoffers,
      advice: advise(speedup, serial, wall, items, slots),
      decisions: this.decisions.all,
    }
  }

  #sample(perItemSeconds: number): void {
    const spread = this.#spread
    spread.shards++
    const delta = perItemSeconds - spread.mean
    spread.mean += delta / spread.shards
    spread.squares += delta * (perItemSeconds - spread.mean)
  }

  /** Two standard errors of the mean time of an item, as a part of it. */
  #relativeError(): number {
    const { shards, mean, squares } = this.#spread
    if (shards < 2 || mean <= 0) return 1
    return Math.min(1, (2 * Math.sqrt(squares / (shards - 1) / shards)) / mean)
  }

  /** From how many items on this job, at its costs, is faster than a loop; null when never. */
  #breakEven(serial: number, items: number, wall: number): number | null {
    if (items === 0 || this.#slots === 0 || serial === 0) return null
    const perItem = serial / items
    const fixed = this.#seconds.start / Math.max(1, this.#slots)
    const variable = Math.max(0, wall - fixed) / items
    return variable < perItem ? Math.ceil(fixed / (perItem - variable)) : null
  }
}

const advise = (speedup: number, serial: number, wall: number, items: number, slots: number): string[] => {
  if (items === 0 || speedup >= 1) return []
  const times = twoDigits(wall / Math.max(serial, 1e-9))
  const besides = Math.max(0, wall - serial / Math.max(1, slots))
  return [
    `A plain loop would have been ${times} times faster: the function takes ${perItem(serial, items)}, and all else, the start of workers included, took ${perItem(besides, items)}.`,
  ]
}

/** Two significant digits, without an exponent. */
const twoDigits = (value: number): string => String(Number(value.toPrecision(2)))

const perItem = (seconds: number, items: number): string => {
  const microseconds = (seconds / items) * 1e6
  if (microseconds >= 1e6) return `${twoDigits(microseconds / 1e6)} s an item`
  return microseconds >= 1000 ? `${twoDigits(microseconds / 1000)} ms an item` : `${twoDigits(microseconds)} µs an item`
}
