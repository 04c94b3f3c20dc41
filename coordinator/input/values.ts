// JavaScript values as an Input: packed batches of a source's items.
// In: a Source. Out: batches; a value that has no form is undecodable by itself.
import { countOf, type Items, packValues, sizeOf, sliceItems } from '../../proto/items.js'
import type { Readable } from '../../proto/loop.js'
import { BatchQueue } from './batch-queue.js'
import type { Input, InputBatch } from './input.js'
import { type ItemSource, openSource, type Sequence, type Source } from './source.js'

export const openValues = (source: ItemSource): Input => inputOf(openSource(source))

export const inputOf = (source: Source): Input =>
  source.type === 'indexed' ? new IndexedInput(source.count, source.items) : new SequenceInput(source)

/** Items `[from, to)` packed. */
export const packReadable = (items: Readable, from: number, to: number): InputBatch[] => {
  switch (items.form) {
    case 'range':
      return [{ items: { form: 'range', start: items.start + from * items.step, step: items.step, count: to - from } }]
    case 'doubles':
      return [{ items: { form: 'f64', values: items.values.subarray(from, to) } }]
    case 'values':
      // The elements of a Float32Array are floats in every language.
      return items.values instanceof Float32Array
        ? [{ items: { form: 'f64', values: Float64Array.from(items.values.subarray(from, to)) } }]
        : packBatches(Array.prototype.slice.call(items.values, from, to))
  }
}

/** Values as batches, each unpackable one in its place. */
export const packBatches = (values: readonly unknown[]): InputBatch[] => {
  const { items, unpackable } = packValues(values)
  if (unpackable.length === 0) return [{ items }]
  const batches: InputBatch[] = []
  let done = 0
  unpackable.forEach(({ offset, message }, nth) => {
    const packed = offset - nth
    batches.push({ items: sliceItems(items, done, packed) }, { undecodable: message })
    done = packed
  })
  batches.push({ items: sliceItems(items, done, countOf(items)) })
  return batches
}

// How many values are packed before their size is known. Smaller: more batches. Larger: more memory for large values.
const PIECE_ITEMS = 256

/** How many to pack next, when the last so many took so many bytes; numbers are all of one size. */
export const pieceItems = (items: Items | undefined, maxItems: number, maxBytes: number): number => {
  if (!items || countOf(items) === 0) return Math.min(maxItems, PIECE_ITEMS)
  if (items.form === 'range') return Math.max(1, maxItems)
  const fitting = Math.floor((maxBytes * countOf(items)) / Math.max(1, sizeOf(items)))
  return Math.max(1, Math.min(maxItems, fitting, countOf(items) * 16))
}

/** Something with a length: what was asked for is packed when it is asked for. */
class IndexedInput implements Input {
  readonly count: number
  readonly #items: Readable
  readonly #queue = new BatchQueue()
  #taken = 0
  #last: Items | undefined
  #closed = false

  constructor(count: number, items: Readable) {
    this.count = count
    this.#items = items
  }

  async next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined> {
    if (this.#closed) return undefined
    if (this.#queue.empty && this.#taken < this.count) {
      const most = this.#items.form === 'range' ? maxItems : pieceItems(this.#last, maxItems, maxBytes)
      const to = Math.min(this.count, this.#taken + Math.max(1, most))
      for (const batch of packReadable(this.#items, this.#taken, to)) {
        if ('items' in batch) this.#last = batch.items
        this.#queue.push(batch)
      }
      this.#taken = to
    }
    return this.#queue.take(maxItems, maxBytes)
  }

  async close(): Promise<void> {
    this.#closed = true
  }
}

class SequenceInput implements Input {
  readonly count = undefined
  readonly #sequence: Sequence
  readonly #queue = new BatchQueue()
  #last: Items | undefined

  constructor(sequence: Sequence) {
    this.#sequence = sequence
  }

  async next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined> {
    if (this.#queue.empty) {
      for (const batch of packBatches(await this.#sequence.pull(pieceItems(this.#last, maxItems, maxBytes)))) {
        if ('items' in batch) this.#last = batch.items
        this.#queue.push(batch)
      }
    }
    return this.#queue.take(maxItems, maxBytes)
  }

  close(): Promise<void> {
    return this.#sequence.close()
  }
}
