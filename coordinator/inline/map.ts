// Items mapped in the caller's own process, one after the other. In: pieces of the input. Out: their values where the results
// want them, and their failures. Always true: values stand in the order of their items, a failed
// item's place is held; a call that gives a promise is waited for before the next; a value is what the wire would give.
import { copyValue } from '../../proto/copy.js'
import { failureOf } from '../../proto/failure.js'
import type { Loops, Room, Stop } from '../../proto/loop.js'
import type { Failure, ItemFailure, Outcomes } from '../../proto/outcome.js'
import type { AnyFunction } from '../function/function.js'
import { doubleOf } from '../output/f64.js'
import type { Results } from '../output/results.js'
import { handoverSecondsOf } from './handover.js'
import { metOf } from './met.js'
import type { Part } from './part.js'
import type { Piece } from './shares.js'

export interface MapPartOptions {
  readonly call: AnyFunction
  readonly results: Results
  /** An item that is an array becomes the arguments of the call. */
  readonly spread: boolean
  readonly retries: number
  /** Called again and again while a promise is waited for, with how long so far. */
  readonly onWait: (seconds: number) => void
  readonly clock: () => number
}

/** How often a promise that takes long is spoken of. */
const WAIT_SECONDS = 0.02

/** A value whose `then` throws is waited for as well, as a worker does, and so its item fails. */
const isThenable = (value: unknown): value is PromiseLike<unknown> => {
  try {
    return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  } catch {
    return true
  }
}

export class MapPart implements Part {
  readonly operation = 'map'
  readonly #options: MapPartOptions
  readonly #loops: Loops
  readonly #call: AnyFunction
  readonly #results: Results
  #room: Room = { type: 'array', values: [], base: 0 }
  /** The piece that was run last, and where its values are. */
  #newest: { readonly piece: Piece; readonly room: Room } | undefined
  readonly #stop: Stop = { why: 'end', held: undefined }
  #isLeft = false

  constructor(options: MapPartOptions) {
    this.#options = options
    const { call, spread } = options
    this.#results = options.results
    this.#call = spread ? (item: unknown) => (Array.isArray(item) ? call(...item) : call(item)) : call
    this.#loops = metOf(call).loops
  }

  handoverSeconds(itemSeconds: number, mostSeconds: number): number | undefined {
    const newest = this.#newest
    if (newest === undefined) return undefined
    const { piece, room } = newest
    const ran = { piece, values: room.values, base: piece.index - room.base }
    return handoverSecondsOf(ran, itemSeconds, mostSeconds)
  }

  get hasRoom(): boolean {
    return this.#results.hasRoom
  }

  write(outcomes: Outcomes): Promise<void> {
    return this.#results.write(outcomes)
  }

  leave(): void {
    this.#isLeft = true
  }

  prepare(piece: Piece): void {
    this.#room = this.#results.room(piece)
  }

  /** A promise only where the function gave one, an item is tried again, or there is no room for more. */
  run(piece: Piece): readonly ItemFailure[] | Promise<readonly ItemFailure[]> {
    const room = this.#room
    const failures: ItemFailure[] = []
    this.#newest = { piece, room }
    const from = this.#sync(piece, piece.from, room, failures)
    const finish = (): readonly ItemFailure[] | Promise<readonly ItemFailure[]> => {
      if (this.#isLeft) return failures
      const ran = this.#results.ran(piece, room, failures)
      return ran instanceof Promise ? ran.then(() => failures) : failures
    }
    return from === piece.to ? finish() : this.#rest(piece, from, room, failures).then(finish)
  }

  /** Runs on to the end, or to the first item that has to be waited for, whose result is held. */
  #sync(piece: Piece, from: number, room: Room, failures: ItemFailure[]): number {
    const stop = this.#stop
    let at = from
    while (at < piece.to) {
      at = this.#loops.run(this.#call, piece.items, at, piece.to, piece.index + at - piece.from, room, stop)
      if (at === piece.to) break
      if (stop.why === 'value' && isThenable(stop.held)) return at
      if (stop.why === 'thrown' && this.#options.retries > 0) return at
      const index = piece.index + at - piece.from
      if (stop.why === 'value') this.#settle(index, stop.held, room, failures)
      else this.#fail(index, failureOfStop(stop), room, failures)
      at++
    }
    return at
  }

  async #rest(piece: Piece, from: number, room: Room, failures: ItemFailure[]): Promise<void> {
    for (let at = from; at < piece.to; at = this.#sync(piece, at + 1, room, failures)) {
      const { why, held } = this.#stop
      await this.#settleLater(
        piece,
        at,
        why === 'thrown' ? Promise.reject(held) : (held as PromiseLike<unknown>),
        room,
        failures,
      )
      if (this.#isLeft) return
    }
  }

  async #settleLater(
    piece: Piece,
    at: number,
    first: PromiseLike<unknown>,
    room: Room,
    failures: ItemFailure[],
  ): Promise<void> {
    const index = piece.index + at - piece.from
    let result = first
    for (let attempt = 0; ; attempt++) {
      const ended = await this.#awaited(result)
      if (this.#isLeft) return
      if ('value' in ended) return this.#settle(index, ended.value, room, failures)
      if (attempt >= this.#options.retries) return this.#fail(index, failureOf(ended.thrown), room, failures)
      result = this.#again(piece, at)
    }
  }

  async #again(piece: Piece, at: number): Promise<unknown> {
    const { items } = piece
    // Called alone, its `this` is nobody.
    const call = this.#call
    return call(items.form === 'range' ? items.start + items.step * at : copyValue(items.values[at]))
  }

  async #awaited(result: PromiseLike<unknown>): Promise<{ readonly value: unknown } | { readonly thrown: unknown }> {
    const { clock, onWait } = this.#options
    const beganAt = clock()
    const timer = setInterval(() => {
      if (this.#isLeft) clearInterval(timer)
      else onWait(clock() - beganAt)
    }, WAIT_SECONDS * 1000)
    try {
      return { value: await result }
    } catch (thrown) {
      return { thrown }
    } finally {
      clearInterval(timer)
    }
  }

  #settle(index: number, value: unknown, room: Room, failures: ItemFailure[]): void {
    if (room.type === 'doubles') {
      room.values[index - room.base] = doubleOf(value, index)
      return
    }
    try {
      room.values[index - room.base] = copyValue(value)
    } catch (error) {
      this.#fail(index, undecodable(error), room, failures)
    }
  }

  #fail(index: number, failure: Failure, room: Room, failures: ItemFailure[]): void {
    failures.push({ index, ...failure })
    if (room.type === 'array') room.values[index - room.base] = undefined
    else room.values[index - room.base] = Number.NaN
  }
}

const undecodable = (error: unknown): Failure => ({
  reason: 'undecodable',
  message: error instanceof Error ? error.message : String(error),
})

const failureOfStop = ({ why, held }: Stop): Failure => (why === 'unsent' ? undecodable(held) : failureOf(held))
