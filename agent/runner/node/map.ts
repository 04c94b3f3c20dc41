// A map run in a Node worker. In: a function and a batch. Out: one outcome an item, in parts. Always true: no item is called
// twice; an item is announced before it is called; a function that returns no promise is called in a loop that awaits
// nothing; a function that returns one may go on in concurrent.ts; between announcements the event loop has its turn, so that what an item left behind (a rejection that nobody
// handles) ends the worker while that item is announced.

import { failureOf } from '../../../proto/failure.js'
import { halvesOf, type Items, smallWholesAt } from '../../../proto/items.js'
import type { Loops, Readable, Room, Stop } from '../../../proto/loop.js'
import type { Announcer } from '../../progress.js'
import type { WorkerRun } from '../../worker.js'
import { type Channel, turn } from '../channel.js'
import type { Pace } from '../pace.js'
import { Part } from '../part.js'
import { type Source, sourceOf } from '../source.js'
import type { Loaded, UserFunction } from './load.js'

// The user's code may put its own in their places.
const { performance } = globalThis

export const nowSeconds = (): number => performance.now() / 1000

export interface Seat {
  readonly channel: Channel
  readonly announcer: Announcer
}

/** A chunk whose items turn out slow ends early: everything that is measured, and every limit, waits for its end. */
const LONGEST_CHUNK_SECONDS = 1e-3
/** So often a chunk looks at the clock, every 5 us at its pace. More: nanosecond items get dearer. Fewer: slow items are seen later. */
const LOOKS = 40
/** So many items at most between two looks: a look costs as much as ten of the fastest. */
const MOST_UNSEEN = 1024

const NOTHING = Symbol('nothing')

/** When a chunk looks at the clock, and ends if it is past `endMs` by `performance.now()`. */
interface Looks {
  /** Items between two looks. */
  stride: number
  endMs: number
}

/** Packed numbers, as a tight loop reads them. */
class Numbers {
  readonly #items: Readable | undefined
  readonly #halves: Int32Array

  constructor(items: Items) {
    this.#halves = items.form === 'i64' ? halvesOf(items.values) : NO_HALVES
    if (items.form === 'range') this.#items = items
    if (items.form === 'f64' || items.form === 'number') this.#items = { form: 'doubles', values: items.values }
  }

  /** What begins at `from` and can be read so, at most up to `to`: items of one kind, and where in them; it is good until the next. */
  stretch(from: number, to: number): Stretch | undefined {
    if (this.#items !== undefined) return { items: this.#items, from, to }
    const count = this.#halves.length === 0 ? 0 : smallWholesAt(this.#halves, from, to, SMALL_WHOLES)
    return count === 0 ? undefined : { items: { form: 'values', values: SMALL_WHOLES }, from: 0, to: count }
  }
}

interface Stretch {
  readonly items: Readable
  readonly from: number
  readonly to: number
}

const NO_HALVES = new Int32Array()
/** Filled for a loop that runs to its end before another one begins. */
const SMALL_WHOLES = new Int32Array(MOST_UNSEEN)

/** A run that was left at an item whose promise is in progress. */
export interface Left {
  readonly source: Source
  readonly part: Part
  /** Behind that item. */
  readonly offset: number
  /** Up to here the source is prepared. */
  readonly preparedTo: number
  readonly promise: PromiseLike<unknown>
  /** When the item was called. */
  readonly sinceSeconds: number
  readonly endSeconds: number
}

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/** Calls the items of one chunk, [from, to). */
class ChunkCaller {
  readonly #call: UserFunction
  readonly #loops: Loops
  readonly #numbers: Numbers
  readonly #source: Source
  readonly #part: Part
  readonly #stop: Stop = { why: 'end', held: undefined }

  constructor(loaded: Loaded, items: Items, source: Source, part: Part) {
    const { call } = loaded
    this.#call = loaded.spread ? value => (Array.isArray(value) ? call(...value) : call(value)) : call
    this.#loops = loaded.loops
    this.#numbers = new Numbers(items)
    this.#source = source
    this.#part = part
  }

  /** Returns where it stopped: at `to`, where its time was over, or behind an item whose promise is in `promise`. */
  sync(from: number, to: number, looks: Looks): { offset: number; promise?: PromiseLike<unknown> } {
    let offset = from
    let unseen = 0
    while (offset < to) {
      try {
        const result = this.#next(offset, to, looks)
        offset = this.#offset
        // All up to there is in the part, and the time is over.
        if (result === NOTHING) return { offset }
        offset += 1
        if (isThenable(result)) return { offset, promise: result }
        this.#part.value(result)
      } catch (error) {
        offset = this.#offset + 1
        this.#part.fail(
          this.#undecodable ? { reason: 'undecodable', message: failureOf(error).message } : failureOf(error),
        )
      }
      if (++unseen < looks.stride) continue
      if (performance.now() >= looks.endMs) break
      unseen = 0
    }
    return { offset }
  }

  #offset = 0
  #undecodable = false

  /** The result at `#offset`, which the call moves; NOTHING when all up to there is in the part. */
  #next(offset: number, to: number, looks: Looks): unknown {
    this.#offset = offset
    this.#undecodable = false
    if (this.#part.packed) {
      const stretch = this.#numbers.stretch(offset, Math.min(to, offset + looks.stride))
      if (stretch !== undefined) return this.#nextOfNumbers(stretch, offset, to, looks)
    }
    this.#undecodable = true
    const value = this.#source.at(offset)
    this.#undecodable = false
    // Called alone, its `this` is nobody.
    const call = this.#call
    return call(value)
  }

  /** Numbers in, numbers out. */
  #nextOfNumbers(first: Stretch, from: number, to: number, { stride, endMs }: Looks): unknown {
    const part = this.#part
    const stop = this.#stop
    const room: Room = { type: 'doubles', values: part.numbers, base: from - part.count }
    let at = from
    let stretch: Stretch | undefined = first
    do {
      at += this.#loops.run(this.#call, stretch.items, stretch.from, stretch.to, at, room, stop) - stretch.from
      if (stop.why !== 'end' || at >= to || performance.now() >= endMs) break
      stretch = this.#numbers.stretch(at, Math.min(to, at + stride))
    } while (stretch !== undefined)
    part.next += at - from
    part.count += at - from
    this.#offset = at
    if (stop.why === 'end') return NOTHING
    const { held } = stop
    stop.held = undefined
    if (stop.why === 'thrown') throw held
    return held
  }
}

/**
 * Runs the batch until its end, the end of its time box, by when at least one item is done, or the limit that the agent sets.
 * With `leavesAtPromise` only until an
 * item returns a promise, which is then in what it resolves with.
 */
export const runMap = async (
  loaded: Loaded,
  run: WorkerRun,
  pace: Pace,
  { channel, announcer }: Seat,
  leavesAtPromise = false,
): Promise<Left | undefined> => {
  const source = sourceOf(run.items)
  const part = new Part(run.run, run.start, source.count, (outcomes, onWritten) =>
    channel.send(outcomes, onWritten),
  ).spreadOver(run.timeBoxSeconds)
  if (loaded.takesRecords) part.takeRecords()
  const caller = new ChunkCaller(loaded, run.items, source, part)
  const endSeconds = nowSeconds() + run.timeBoxSeconds
  let offset = 0
  let count = source.count
  // Nothing is announced yet.
  let isFresh = true
  while (offset < count) {
    const wanted = Math.min(count, offset + (run.careful ? 1 : Math.min(pace.size, part.room)))
    const from = offset
    const preparing = nowSeconds()
    source.prepare(from, wanted)
    announcer.announce(run.run, run.start + from, wanted - from)
    // Behind the announcement: the agent reads that after it has set a limit. Before items that take long always.
    count = Math.min(count, announcer.limitOf(run.run, isFresh || wanted - from === 1) - run.start)
    if (from >= count) break
    isFresh = false
    const to = Math.min(wanted, count)
    const began = nowSeconds()
    part.decoded(began - preparing)
    const encodedBefore = part.encodeSeconds
    const stride = Math.ceil(Math.min((to - from) / LOOKS, MOST_UNSEEN))
    const looks = { stride, endMs: (began + LONGEST_CHUNK_SECONDS) * 1000 }
    while (offset < to && (offset === from || performance.now() < looks.endMs)) {
      const { offset: reached, promise } = caller.sync(offset, to, looks)
      offset = reached
      if (promise === undefined) continue
      if (leavesAtPromise) {
        const now = nowSeconds()
        part.computed(now - began - (part.encodeSeconds - encodedBefore))
        const sinceSeconds = to - from === 1 ? began : now
        return { source, part, offset, preparedTo: to, promise, sinceSeconds, endSeconds }
      }
      try {
        part.value(await promise)
      } catch (error) {
        part.fail(failureOf(error))
      }
    }
    // A plain loop gives the event loop no turns: they are handing over, not the function's time.
    const called = nowSeconds()
    part.computed(called - began - (part.encodeSeconds - encodedBefore))
    await turn()
    const now = nowSeconds()
    part.turned(now - called)
    pace.observe(offset - from, now - began)
    if (offset >= count || now >= endSeconds) break
    if (run.careful || part.due(now)) {
      announcer.rest(run.run, part.next)
      part.flush(false)
      await channel.written()
    }
  }
  announcer.rest(run.run, part.next)
  part.flush(true)
  return undefined
}
