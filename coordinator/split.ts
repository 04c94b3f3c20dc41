// Keeps the items of what is not settled yet, so that any part of it can be offered again. A pure machine.
// In: batches in input order; spans that were settled. Out: the items of any span that is still open.
// Always true: a batch is held until the last of its items is settled, and no longer.
import { countOf, type Items, sizeOf, sliceItems } from '../proto/items.js'
import type { Span } from '../proto/shard.js'

interface Batch extends Span {
  /** Until the last of them is settled. */
  items: Items | undefined
  readonly bytes: number
  open: number
}

/** So many batches that are let go may stand between those that are held, and as many as those: cutting each out would cost. */
const LET_GO_KEPT = 64

export class Split {
  /** In input order: their starts ascend. */
  #batches: Batch[] = []
  /** Of those: let go. */
  #letGo = 0
  #nextIndex = 0
  #heldBytes = 0

  /** The index of the next item that is read. */
  get nextIndex(): number {
    return this.#nextIndex
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Takes the next batch; the span gives its items their indices. */
  take(items: Items): Span {
    const start = this.#nextIndex
    const end = start + countOf(items)
    const bytes = sizeOf(items)
    this.#batches.push({ start, end, items, bytes, open: end - start })
    this.#nextIndex = end
    this.#heldBytes += bytes
    return { start, end }
  }

  /** Gives items that nobody will run their indices: one that could not be read, those that are settled. */
  skip(count = 1): Span {
    const start = this.#nextIndex
    this.#nextIndex += count
    return { start, end: this.#nextIndex }
  }

  /** The items of an open span; it lies within one batch, as every shard does. */
  items(span: Span): Items {
    const batch = this.#batches[this.#at(span.start)]
    if (batch?.items === undefined || span.start < batch.start || span.end > batch.end) {
      throw new Error(`items [${span.start}, ${span.end}) are not held`)
    }
    return sliceItems(batch.items, span.start - batch.start, span.end - batch.start)
  }

  /** Settled items are not needed again. */
  settle({ start, end }: Span): void {
    for (let at = this.#at(start); at < this.#batches.length; at++) {
      const batch = this.#batches[at] as Batch
      if (batch.start >= end) break
      if (batch.items === undefined) continue
      batch.open -= Math.max(0, Math.min(end, batch.end) - Math.max(start, batch.start))
      if (batch.open > 0) continue
      batch.items = undefined
      this.#heldBytes -= batch.bytes
      this.#letGo++
    }
    if (this.#letGo < LET_GO_KEPT || this.#letGo < this.#batches.length >>> 1) return
    this.#batches = this.#batches.filter(({ items }) => items !== undefined)
    this.#letGo = 0
  }

  /** The first batch that ends after the index. */
  #at(index: number): number {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] as Batch).end > index) high = middle
      else low = middle + 1
    }
    return low
  }
}
