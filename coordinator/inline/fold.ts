// A fold in the caller's own process, and the partial values of workers. In: pieces, in any order; folded spans. Out: partial
// values in the order of the items, to be folded again. Always true: neighbours that the caller runs one after the other are
// one partial value, so a fold that no worker joined has one in all; order is kept, so the function need not commute.
import { copyValue } from '../../proto/copy.js'
import { failureOf } from '../../proto/failure.js'
import { unpackItems } from '../../proto/items.js'
import type { Readable } from '../../proto/loop.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import type { AnyFunction } from '../function/function.js'
import { metOf } from './met.js'
import type { Part } from './part.js'
import type { Piece } from './shares.js'

interface Partial {
  readonly start: number
  end: number
  value: unknown
}

/** Stands alone: each function gets its own compiled copy. Stops at a folded value that has to be waited for. */
const foldPiece = (
  fn: AnyFunction,
  values: ArrayLike<unknown> | undefined,
  start: number,
  step: number,
  from: number,
  to: number,
  state: { folded: unknown; at: number; isPending: boolean },
  copy: (value: unknown) => unknown,
): void => {
  let folded = state.folded
  let at = from
  try {
    for (; at < to; at++) {
      const item = values === undefined ? start + step * at : values[at]
      folded = fn(folded, typeof item === 'object' && item !== null ? copy(item) : item)
      if (typeof folded === 'object' && folded !== null && typeof (folded as { then?: unknown }).then === 'function') {
        at++
        state.isPending = true
        return
      }
    }
  } finally {
    state.folded = folded
    state.at = at
  }
}

const itemAt = (items: Readable, at: number): unknown =>
  items.form === 'range' ? items.start + items.step * at : copyValue(items.values[at])

export class FoldPart implements Part {
  readonly operation = 'fold'
  readonly hasRoom = true
  readonly #call: AnyFunction
  readonly #loop: typeof foldPiece
  readonly #partials: Partial[] = []
  /** The caller's newest, which its next piece goes on with. */
  #own: Partial | undefined
  #isLeft = false

  constructor(call: AnyFunction) {
    this.#call = call
    this.#loop = metOf(call).loops.of(foldPiece)
  }

  prepare(): void {}

  leave(): void {
    this.#isLeft = true
  }

  run(piece: Piece): readonly ItemFailure[] | Promise<readonly ItemFailure[]> {
    const { index, items, from, to } = piece
    let own = this.#own
    let at = from
    if (own?.end !== index) {
      try {
        own = { start: index, end: index + 1, value: itemAt(items, at) }
      } catch (error) {
        return [{ index, ...failureOf(error), reason: 'undecodable' }]
      }
      this.#own = own
      this.#partials.push(own)
      at++
    }
    return this.#fold(own, piece, at, to)
  }

  /** A shard has one value, however many items. */
  handoverSeconds(): number {
    return 0
  }

  async write({ start, end, values, failures }: Outcomes): Promise<void> {
    // One that failed ends the job.
    if (failures.length === 0) this.#partials.push({ start, end, value: unpackItems(values)[0] })
  }

  /** In the order of the items; adjacent, and once all is done they cover them. */
  partials(): { readonly start: number; readonly value: unknown }[] {
    return this.#partials.sort((a, b) => a.start - b.start)
  }

  #fold(
    own: Partial,
    piece: Piece,
    from: number,
    to: number,
  ): readonly ItemFailure[] | Promise<readonly ItemFailure[]> {
    const { items, index } = piece
    const values = items.form === 'range' ? undefined : items.values
    const { start, step } = items.form === 'range' ? items : { start: 0, step: 0 }
    const state = { folded: own.value, at: from, isPending: false }
    try {
      this.#loop(this.#call, values, start, step, from, to, state, copyValue)
    } catch (error) {
      return [{ index: index + state.at - piece.from, ...failureOf(error) }]
    }
    own.end = index + state.at - piece.from
    own.value = state.folded
    if (!state.isPending) return []
    return this.#wait(own, piece, state.at, to)
  }

  async #wait(own: Partial, piece: Piece, from: number, to: number): Promise<readonly ItemFailure[]> {
    try {
      own.value = await own.value
    } catch (error) {
      return [{ index: piece.index + from - 1 - piece.from, ...failureOf(error) }]
    }
    return this.#isLeft ? [] : this.#fold(own, piece, from, to)
  }
}
