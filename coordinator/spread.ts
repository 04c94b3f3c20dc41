// Items from all over an input, before it is run: the first ones are often unlike the rest. In: an Input, or a range. Out: how
// many items there are, and some of them, in random order. Always true: every item of what was read is as likely to be among
// them as every other; the choice depends on the input alone; what is kept is bounded in items and bytes.
import { countOf, type Items, sizeOf, sliceItems } from '../proto/items.js'
import { copyRecords } from '../proto/records-block.js'
import type { Input } from './input/input.js'

/** Items that stand one after the other in the input. */
export interface Pick {
  /** The place of the first of them. */
  readonly start: number
  readonly items: Items
}

export interface Spread {
  readonly picks: readonly Pick[]
  /** Items of the input, or of the part of it that was read. */
  readonly total: number
  /** The input was read to its end. */
  readonly isWhole: boolean
}

export interface SpreadLimits {
  readonly items: number
  readonly bytes: number
  /** Reading an input to its end must not take longer than its job. */
  readonly seconds: number
  readonly clock: () => number
}

/** Contiguous items of a range that are picked together: a function of nanoseconds needs many to be seen. */
const BLOCK_ITEMS = 16_384
const BLOCKS = 64
const BATCH_BYTES = 4 * 1024 * 1024

/** Numbers from 0 to 1, always the same ones (mulberry32). */
export const repeatable = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const shuffled = <T>(values: readonly T[], random: () => number): T[] => {
  const order = [...values]
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    ;[order[at], order[other]] = [order[other] as T, order[at] as T]
  }
  return order
}

/** Of an input whose items can be had without reading it: blocks, each somewhere in its part of the whole. */
export const spreadOfRange = (total: number, sliceOf: (start: number, count: number) => Items): Spread => {
  const random = repeatable(total)
  const blocks = Math.min(BLOCKS, total)
  const picks = Array.from({ length: blocks }, (_, nth) => {
    const from = Math.floor((total * nth) / blocks)
    const room = Math.floor((total * (nth + 1)) / blocks) - from
    const count = Math.min(BLOCK_ITEMS, room)
    const start = from + Math.floor(random() * (room - count + 1))
    return { start, items: sliceOf(start, count) }
  })
  return { picks: shuffled(picks, random), total, isWhole: true }
}

/** Of any input, by reading it: each item alone (reservoir sampling, Vitter's algorithm R). The input is read, not closed. */
export const spreadOf = async (input: Input, limits: SpreadLimits): Promise<Spread> => {
  const reservoir = new Reservoir(limits)
  const until = limits.clock() + limits.seconds
  let index = 0
  for (;;) {
    const batch = await input.next(Number.MAX_SAFE_INTEGER, BATCH_BYTES)
    if (batch === undefined) return { picks: reservoir.picks(), total: index, isWhole: true }
    if ('undecodable' in batch) index += 1
    else {
      reservoir.see(index, batch.items)
      index += countOf(batch.items)
    }
    // What is not read to its end is known from the front alone; some inputs say how long they are.
    if (limits.clock() > until)
      return { picks: reservoir.picks(), total: input.count ?? index, isWhole: input.count !== undefined }
  }
}

class Reservoir {
  readonly #limits: SpreadLimits
  readonly #random = repeatable(1)
  #kept: Pick[] = []
  #room: number
  #bytes = 0
  #seen = 0

  constructor(limits: SpreadLimits) {
    this.#limits = limits
    this.#room = limits.items
  }

  see(start: number, items: Items): void {
    const count = countOf(items)
    for (let offset = 0; offset < count; offset++) {
      this.#seen += 1
      const place = this.#kept.length < this.#room ? this.#kept.length : Math.floor(this.#random() * this.#seen)
      if (place >= this.#room) continue
      this.#put(place, { start: start + offset, items: copied(sliceItems(items, offset, offset + 1)) })
    }
  }

  picks(): Pick[] {
    return shuffled(this.#kept, this.#random)
  }

  #put(place: number, pick: Pick): void {
    const old = this.#kept[place]
    this.#bytes += sizeOf(pick.items) - (old === undefined ? 0 : sizeOf(old.items))
    this.#kept[place] = pick
    while (this.#bytes > this.#limits.bytes && this.#kept.length > 1) {
      // Fewer items of a size that is too much: any of them may go.
      this.#kept = shuffled(this.#kept, this.#random)
      this.#room = this.#kept.length >> 1
      this.#kept.length = this.#room
      this.#bytes = this.#kept.reduce((sum, { items }) => sum + sizeOf(items), 0)
    }
  }
}

/** A view would hold the whole batch. */
const copied = (items: Items): Items => {
  if (items.form === 'json') return { ...items, text: items.text.slice() }
  if (items.form === 'records') return copyRecords(items)
  return items.form === 'range' ? items : ({ ...items, values: items.values.slice() } as Items)
}
