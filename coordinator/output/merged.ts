// A whole output with the outcomes of some of its items in the place of those that it has. In: the file as it is, which items
// are given anew, their outcomes in order. Out: the file as it would have been with these outcomes; unordered, they come last.
// Always true: what is not given anew stays byte by byte; the file is read as the new one is written, and held nowhere.
import { closeSync, openSync } from 'node:fs'
import { sliceOutcomes } from '../gather.js'
import { type ElementFormat, elementsOf } from './elements.js'
import type { Format, FormatOptions } from './format.js'

export interface MergedOptions extends FormatOptions {
  /** The output as it is. */
  readonly path: string
  readonly format: ElementFormat
  /** Writes elements as those of the file are, each by itself: of json as lines. */
  readonly writer: Format
  /** Whether the file's first line, a header, is to stay; else the writer writes one. */
  readonly keepsHeader: boolean
  /** The items whose outcomes are given anew, ascending; outcomes come with indices in this list. */
  readonly anew: ArrayLike<number>
}

const PIECE_BYTES = 256 * 1024

/** Tagged lines of failed items, as jsonl.ts writes them. */
const FAILED = /^\{"index":\d+,"failure":/
const FAILED_BYTES = 64

class MergedFormat implements Format {
  readonly #options: MergedOptions
  readonly #descriptor: number
  readonly #elements: Generator<Buffer>
  #hasBegun = false
  #isFirst = true
  /** The item of the file's next element, in order. */
  #index = 0

  constructor(options: MergedOptions) {
    this.#options = options
    this.#descriptor = openSync(options.path, 'r')
    this.#elements = elementsOf(this.#descriptor, options.format)
  }

  *encode(outcomes: Parameters<Format['encode']>[0]): Generator<Uint8Array> {
    const { anew, unordered, writer } = this.#options
    yield* this.#begin()
    for (let nth = outcomes.start; nth < outcomes.end; nth++) {
      const start = anew[nth] as number
      yield* this.#kept(unordered ? Number.POSITIVE_INFINITY : start)
      if (!unordered) this.#next()
      const { values, failures } = sliceOutcomes(outcomes, { start: nth, end: nth + 1 })
      const placed = failures.map(failure => ({ ...failure, index: start }))
      for (const element of writer.encode({ start, end: start + 1, values, failures: placed }))
        yield this.#joined(this.#options.format === 'json' ? element.subarray(0, -1) : element)
    }
  }

  *end(): Generator<Uint8Array> {
    yield* this.#begin()
    yield* this.#kept(Number.POSITIVE_INFINITY)
    yield* this.#options.writer.end()
    if (this.#options.format === 'json') yield Buffer.from(this.#isFirst ? '[]\n' : '\n]\n')
    closeSync(this.#descriptor)
  }

  state(): null {
    return null
  }

  *#begin(): Generator<Uint8Array> {
    if (this.#hasBegun || this.#options.format !== 'csv') return
    this.#hasBegun = true
    const header = this.#elements.next()
    if (!header.done && this.#options.keepsHeader) yield header.value
  }

  #next(): Buffer | undefined {
    const next = this.#elements.next()
    if (next.done) return undefined
    this.#index++
    return next.value
  }

  /** The file's elements up to that of an item, in large pieces; unordered without those of failed items. */
  *#kept(item: number): Generator<Uint8Array> {
    const { tagged, unordered } = this.#options
    let held: Uint8Array[] = []
    let bytes = 0
    while (this.#index < item) {
      const element = this.#next()
      if (element === undefined) break
      if (unordered && tagged && FAILED.test(element.toString('latin1', 0, FAILED_BYTES))) continue
      const joined = this.#joined(element)
      held.push(joined)
      bytes += joined.length
      if (bytes < PIECE_BYTES) continue
      yield Buffer.concat(held, bytes)
      held = []
      bytes = 0
    }
    if (bytes > 0) yield Buffer.concat(held, bytes)
  }

  #joined(element: Uint8Array): Uint8Array {
    if (this.#options.format !== 'json') return element
    const joint = Buffer.from(this.#isFirst ? '[\n' : ',\n')
    this.#isFirst = false
    return Buffer.concat([joint, element])
  }
}

export const mergedFormat = (options: MergedOptions): Format => new MergedFormat(options)
