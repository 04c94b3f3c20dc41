// What a run does about slots that have nothing to do: looks often enough and not too often, and keeps what may be done twice
// within its bounds. In: timings, the number of slots, time. Out: effects of the ledger (recalls, copies); decisions.
// Always true: looking takes at most a small part of the time, however many shards live; copies are begun only while all of
// them together have taken less than a tenth of the work that counted, and of what is stuck for no known reason no more run at
// once than a tenth of the slots, or one.
import type { Timing } from '../proto/timing.js'
import type { Decisions } from './decisions.js'
import type { Ledger, LedgerEffect } from './ledger.js'
import type { Idleness } from './ledger-events.js'
import type { Sizing } from './sizing.js'

export interface StragglersOptions {
  readonly ledger: Ledger
  readonly sizing: Sizing
  readonly decisions: Decisions
  /** Whether anything may be run twice at all. */
  readonly isCopying: boolean
  /** The most slots that the job may have, where there is a limit. */
  readonly mostSlots?: number
  readonly startedAtSeconds: () => number
}

/** Of the work that counted: what copies may take beside it. */
const COPIES_ALLOWED = 0.1
/** A look costs less than 1 us a live shard; so it takes less than a twentieth of the time. */
const SECONDS_PER_SHARD = 20e-6
/** What is worth sharing when nothing was measured of handing over. */
const LEAST_SECONDS = 0.002

const NO_COPIES = { spareSeconds: 0, spareCopies: 0 } as const

export class Stragglers {
  readonly #options: StragglersOptions
  #workSeconds = 0
  /** What copies took whose shards have ended. */
  #copiedSeconds = 0
  /** The others, and since when they are offered. */
  readonly #copies = new Map<number, number>()
  #nextLookSeconds = Number.NEGATIVE_INFINITY
  #recalls = 0
  #boxes = 0

  constructor(options: StragglersOptions) {
    this.#options = options
  }

  /** Outcomes that counted took so long. */
  observe(timing: Timing, slots: number, now: number): void {
    const { decisions, sizing, startedAtSeconds } = this.#options
    this.#workSeconds += timing.computeSeconds
    const change = sizing.change(slots)
    if (change === undefined) return
    const { before, after, itemSeconds } = change
    const words = after > before ? 'grew' : 'shrank'
    decisions.add(now - startedAtSeconds(), `Shards ${words} from ${before} items to ${after}.`, {
      before_items: before,
      after_items: after,
      item_seconds: itemSeconds,
    })
  }

  /** A worker has given back what it did not reach in its time box. */
  boxed(boxSeconds: number, now: number): void {
    const { decisions, sizing, startedAtSeconds } = this.#options
    if (!isPowerOfTwo(++this.#boxes)) return
    decisions.add(now - startedAtSeconds(), `A shard ran into its time box (${this.#boxes} so far).`, {
      box_seconds: boxSeconds,
      item_seconds: sizing.itemSeconds ?? 0,
      boxes: this.#boxes,
    })
  }

  /**
   * Nothing more is to be offered, and fewer shards live than there are slots, or a caller would help whom no offer reaches.
   * `again` when a later look may find more.
   */
  look(
    slots: number,
    helpers: number,
    now: number,
  ): { readonly effects: LedgerEffect[]; readonly againSeconds?: number } {
    const { ledger, sizing } = this.#options
    const idle = Math.max(0, slots - ledger.liveShards) + helpers
    if (idle === 0 || ledger.liveShards === 0) return { effects: [] }
    if (now < this.#nextLookSeconds) return { effects: [], againSeconds: this.#nextLookSeconds - now }
    this.#nextLookSeconds = now + ledger.liveShards * SECONDS_PER_SHARD
    const effects = this.#idle(idle, { helpers, workers: slots, ...NO_COPIES }, now)
    // What is taken back may turn out to be begun.
    return { effects, againSeconds: sizing.leastSeconds(slots) + LEAST_SECONDS }
  }

  /** From time to time: what agents said of their idle slots is known as well, and silence has a length. */
  tick(slots: number, now: number): LedgerEffect[] {
    const { ledger, isCopying } = this.#options
    const { mostSlots } = this.#options
    // Slots that the job may not have are idle for others.
    const idleThere = mostSlots === undefined ? ledger.idleSlots(now) : 0
    const idle = Math.max(slots - ledger.liveShards, idleThere)
    if (idle <= 0) return []
    const spareSeconds = isCopying ? Math.max(0, COPIES_ALLOWED * this.#workSeconds - this.#countCopies(now)) : 0
    const spareCopies = Math.max(0, Math.max(1, Math.floor(COPIES_ALLOWED * slots)) - this.#copies.size)
    return this.#idle(idle, { helpers: 0, workers: slots, spareSeconds, spareCopies }, now)
  }

  /** What all copies have taken so far. */
  #countCopies(now: number): number {
    let runningSeconds = 0
    for (const [shard, sinceSeconds] of this.#copies) {
      if (this.#options.ledger.isLive(shard)) runningSeconds += now - sinceSeconds
      else {
        this.#copies.delete(shard)
        this.#copiedSeconds += now - sinceSeconds
      }
    }
    return this.#copiedSeconds + runningSeconds
  }

  #idle(
    slots: number,
    more: Pick<Idleness, 'helpers' | 'workers' | 'spareSeconds' | 'spareCopies'>,
    now: number,
  ): LedgerEffect[] {
    const { ledger, sizing } = this.#options
    const { itemSeconds } = sizing
    if (itemSeconds === undefined) return []
    const leastSeconds = Math.max(LEAST_SECONDS, sizing.leastSeconds(slots))
    const effects = ledger.step({ type: 'idle', slots, itemSeconds, leastSeconds, ...more, now })
    for (const effect of effects) this.#tell(effect, slots, now)
    return effects
  }

  #tell(effect: LedgerEffect, slots: number, now: number): void {
    const { decisions, sizing, startedAtSeconds } = this.#options
    const at = now - startedAtSeconds()
    if (effect.type === 'doubted') {
      const { shard, agent, silentSeconds, costSeconds, start, end } = effect
      this.#copies.set(shard, now)
      decisions.add(at, `Items ${start} to ${end - 1} are run a second time: ${agent} takes too long for them.`, {
        silent_seconds: silentSeconds,
        cost_seconds: costSeconds,
        item_seconds: sizing.itemSeconds ?? 0,
        copied_seconds: this.#countCopies(now),
        work_seconds: this.#workSeconds,
      })
    } else if (effect.type === 'recall' && isPowerOfTwo(++this.#recalls)) {
      decisions.add(at, `The rest of a shard is taken back, because slots are idle (${this.#recalls} so far).`, {
        rest_seconds: effect.restSeconds,
        idle_slots: slots,
        recalls: this.#recalls,
      })
    }
  }
}

/** Of what happens often, the first times are told, and then fewer and fewer. */
const isPowerOfTwo = (count: number): boolean => (count & (count - 1)) === 0
