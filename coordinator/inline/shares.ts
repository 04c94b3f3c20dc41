// One input, shared by the caller's own loop and the workers. In: a source; who asks for how much. Out: pieces for the caller,
// batches for the workers' job, and for each item of that job its place in the whole. Always true: each item is handed out
// once; the caller takes from the front, the workers from the back, or, where order or a sequence asks for it, the next in
// line; the workers' job counts its items from 0 in the order in which it took them.
import { countOf, type Items } from '../../proto/items.js'
import type { Readable } from '../../proto/loop.js'
import { BatchQueue } from '../input/batch-queue.js'
import type { Input, InputBatch } from '../input/input.js'
import type { Source } from '../input/source.js'
import { packBatches, packReadable, pieceItems } from '../input/values.js'

/** Items for the caller's loop: those at `[from, to)` of `items`, the first of which is item `index` of the input. */
export interface Piece {
  readonly index: number
  readonly items: Readable
  readonly from: number
  readonly to: number
}

export interface SharesOptions {
  readonly source: Source
  /** `back`: workers take the last items first, so that the caller's values are in one piece at the front. */
  readonly workersTake: 'back' | 'next'
}

export class Shares {
  readonly #source: Source
  readonly #fromBack: boolean
  /** Items `[front, back)` are nobody's yet; of a sequence nobody knows how many there will be. */
  #front = 0
  #back: number
  /** The pulls of a sequence, one after the other. */
  #pulling: Promise<unknown> = Promise.resolve()
  #isPulling = false
  /** Where the workers' items are: the first `count` of their job that are not in an earlier piece begin at item `index`. */
  readonly #pieces: { readonly start: number; readonly index: number }[] = []
  #workersItems = 0
  #hasInput = false
  #gate: 'shut' | 'open' | 'closed' = 'shut'
  #wake: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor({ source, workersTake }: SharesOptions) {
    this.#source = source
    this.#fromBack = workersTake === 'back' && source.type === 'indexed'
    this.#back = source.type === 'indexed' ? source.count : Number.POSITIVE_INFINITY
  }

  /** Items that are nobody's yet; undefined while a sequence has not ended. */
  get remaining(): number | undefined {
    return this.#back === Number.POSITIVE_INFINITY ? undefined : this.#back - this.#front
  }

  /** Items that the workers took. */
  get workersItems(): number {
    return this.#workersItems
  }

  /** The next 1 to `most` items for the caller; none at the end. A promise where a sequence has to be waited for. */
  takeForCaller(most: number): Piece | undefined | Promise<Piece | undefined> {
    if (this.#source.type === 'indexed') {
      const index = this.#front
      const count = Math.min(most, this.#back - index)
      if (count <= 0) return undefined
      this.#front += count
      if (this.#front === this.#back) this.#wake?.()
      return { index, items: this.#source.items, from: index, to: index + count }
    }
    const pieceOf = (values: readonly unknown[]): Piece | undefined => this.#pieceOf(values)
    const values = this.#pull(most)
    return Array.isArray(values) ? pieceOf(values) : (values as Promise<readonly unknown[]>).then(pieceOf)
  }

  /** Lets the workers' job have items, or keeps further ones from it. */
  feed(isFed: boolean): void {
    if (this.#gate !== 'closed') this.#gate = isFed ? 'open' : 'shut'
    this.#wake?.()
  }

  /** The place in the whole of an item of the workers' job. */
  indexOf(workersItem: number): number {
    let low = 0
    let high = this.#pieces.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#pieces[middle] as { start: number }).start <= workersItem) low = middle
      else high = middle - 1
    }
    const piece = this.#pieces[low]
    if (piece === undefined) throw new Error(`item ${workersItem} was not handed out`)
    return piece.index + (workersItem - piece.start)
  }

  /** Nobody wants more. Idempotent. */
  close(): Promise<void> {
    this.#gate = 'closed'
    this.#wake?.()
    this.#closing ??= this.#source.type === 'sequence' ? this.#source.close() : Promise.resolve()
    return this.#closing
  }

  /** What the workers' job reads; there is one such job, whose items are counted here. */
  input(): Input {
    if (this.#hasInput) throw new Error('a second job of workers would count the same items')
    this.#hasInput = true
    const queue = new BatchQueue()
    let last: Items | undefined
    const shares = this
    return {
      get count() {
        const { remaining } = shares
        return remaining === undefined ? undefined : shares.#workersItems + remaining
      },
      async next(maxItems, maxBytes) {
        if (queue.empty) {
          await shares.#fed()
          const wanted = shares.#isPacked ? maxItems : pieceItems(last, maxItems, maxBytes)
          for (const batch of await shares.#takeForWorkers(Math.max(1, wanted))) {
            if ('items' in batch && countOf(batch.items) > 0) last = batch.items
            queue.push(batch)
          }
        }
        return queue.take(maxItems, Number.POSITIVE_INFINITY)
      },
      close: async () => {},
    }
  }

  /** Handing out does not depend on how large the items are. */
  get #isPacked(): boolean {
    return this.#source.type === 'indexed' && this.#source.items.form === 'range'
  }

  async #fed(): Promise<void> {
    while (this.#gate === 'shut' && this.remaining !== 0) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  async #takeForWorkers(most: number): Promise<InputBatch[]> {
    if (this.#gate === 'closed') return []
    if (this.#source.type === 'sequence') {
      const values = await this.#pull(most)
      const piece = this.#pieceOf(values)
      if (piece === undefined) return []
      this.#assign(piece.index, piece.to)
      return packBatches(values)
    }
    const count = Math.min(most, this.#back - this.#front)
    if (count <= 0) return []
    const from = this.#fromBack ? this.#back - count : this.#front
    if (this.#fromBack) this.#back = from
    else this.#front += count
    this.#assign(from, count)
    return packReadable(this.#source.items, from, from + count)
  }

  #assign(index: number, count: number): void {
    this.#pieces.push({ start: this.#workersItems, index })
    this.#workersItems += count
  }

  #pieceOf(values: readonly unknown[]): Piece | undefined {
    if (values.length === 0) {
      this.#back = this.#front
      this.#wake?.()
      return undefined
    }
    const index = this.#front
    this.#front += values.length
    return { index, items: { form: 'values', values }, from: 0, to: values.length }
  }

  /** Asks the sequence for more, one after the other, whoever asks. At once where nobody else waits and it gives at once. */
  #pull(most: number): readonly unknown[] | Promise<readonly unknown[]> {
    const source = this.#source
    if (source.type !== 'sequence' || this.remaining === 0) return []
    if (!this.#isPulling) {
      const values = source.pull(most)
      if (!(values instanceof Promise)) return values
      return this.#wait(values)
    }
    return this.#wait(this.#pulling.then(() => (this.remaining === 0 ? [] : source.pull(most))))
  }

  #wait(values: Promise<readonly unknown[]>): Promise<readonly unknown[]> {
    this.#isPulling = true
    const settled = values.then(
      () => {},
      () => {},
    )
    this.#pulling = settled
    void settled.then(() => {
      if (this.#pulling === settled) this.#isPulling = false
    })
    return values
  }
}
