// Batches between what reads them and what takes them, cut to what is asked for.
// In: batches in input order. Out: the same items, at most so many, of about so many bytes.
// Always true: order is kept; one item larger than the limit is handed over alone.
import { countOf, type Items, sizeOf, sliceItems } from '../../proto/items.js'
import type { InputBatch } from './input.js'

export class BatchQueue {
  #batches: InputBatch[] = []
  #next = 0

  get empty(): boolean {
    return this.#next === this.#batches.length
  }

  push(batch: InputBatch): void {
    if ('undecodable' in batch || countOf(batch.items) > 0) this.#batches.push(batch)
  }

  take(maxItems: number, maxBytes: number): InputBatch | undefined {
    const batch = this.#batches[this.#next]
    if (!batch) return undefined
    if (!('undecodable' in batch)) {
      const count = countWithin(batch.items, maxItems, maxBytes)
      const all = countOf(batch.items)
      if (count < all) {
        this.#batches[this.#next] = { items: sliceItems(batch.items, count, all) }
        return { items: sliceItems(batch.items, 0, count) }
      }
    }
    this.#next += 1
    if (this.empty) {
      this.#batches = []
      this.#next = 0
    }
    return batch
  }
}

/** How many items of the batch fit, at least one. */
const countWithin = (items: Items, maxItems: number, maxBytes: number): number => {
  const count = Math.max(1, Math.min(maxItems, countOf(items)))
  if (items.form === 'range') return count
  if (items.form === 'records') return recordsWithin(items, count, maxBytes)
  if (items.form !== 'json') return Math.max(1, Math.min(count, Math.floor(maxBytes / 8)))
  if (count === items.count && sizeOf(items) <= maxBytes) return count
  let end = 0
  for (let fitting = 0; fitting < count; fitting++) {
    end = items.text.indexOf(10, end) + 1
    if (end > maxBytes) return Math.max(1, fitting)
  }
  return count
}

const recordsWithin = (items: Items, most: number, maxBytes: number): number => {
  let count = most
  for (let bytes = sizeOf(sliceItems(items, 0, count)); bytes > maxBytes && count > 1; ) {
    count = Math.max(1, Math.min(count - 1, Math.floor((count * maxBytes) / bytes)))
    bytes = sizeOf(sliceItems(items, 0, count))
  }
  return count
}
