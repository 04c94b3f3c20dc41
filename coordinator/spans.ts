// A set of item indices as few spans as possible.
// Always true: spans are sorted, disjoint and never touch, so that a job in order is one span, whatever its length. They lie
// in blocks of bounded length, so that a change costs the same however many there are.
import type { Span } from '../proto/shard.js'

/** Smaller: more blocks to search. Larger: more to move for each span that comes or goes. */
const BLOCK_SPANS = 256

export class SpanSet {
  /** None of them is empty. */
  #blocks: Span[][] = []
  #size = 0

  constructor(spans: readonly Span[] = []) {
    for (const { start, end } of spans) this.add(start, end)
  }

  /** All that it holds, as spans in order. */
  all(): Span[] {
    return this.#blocks.flat()
  }

  /** How many indices it holds. */
  get size(): number {
    return this.#size
  }

  /** The spans of [start, end) that it does not hold, in order. */
  missing(start: number, end: number): Span[] {
    const gaps: Span[] = []
    let at = start
    for (let b = this.#blockEndingAfter(start); b < this.#blocks.length && at < end; b++) {
      const block = this.#blocks[b] as Span[]
      for (let i = firstEndingAfter(block, start); i < block.length && at < end; i++) {
        const span = block[i] as Span
        if (span.start >= end) {
          gaps.push({ start: at, end })
          return gaps
        }
        if (span.start > at) gaps.push({ start: at, end: span.start })
        at = span.end
      }
    }
    if (at < end) gaps.push({ start: at, end })
    return gaps
  }

  add(start: number, end: number): void {
    if (start >= end) return
    // Spans that end where the new one starts are joined to it, so the search begins one index early.
    const first = this.#blockEndingAfter(start - 1)
    const block = this.#blocks[first]
    if (block === undefined) {
      this.#append({ start, end })
      return
    }
    const at = firstEndingAfter(block, start - 1)
    let joined: Span = { start, end }
    let held = 0
    let last = at
    let b = first
    for (;;) {
      const span: Span | undefined = this.#blocks[b]?.[last]
      if (span === undefined && b + 1 < this.#blocks.length) {
        b++
        last = 0
        continue
      }
      if (span === undefined || span.start > end) break
      held += span.end - span.start
      joined = { start: Math.min(joined.start, span.start), end: Math.max(joined.end, span.end) }
      last++
    }
    this.#size += joined.end - joined.start - held
    this.#replace(first, at, b, last, joined)
  }

  /** Puts a span in the place of those from (first, at) to before (last, until). */
  #replace(first: number, at: number, last: number, until: number, joined: Span): void {
    const block = this.#blocks[first] as Span[]
    if (last === first) block.splice(at, until - at, joined)
    else {
      const after = (this.#blocks[last] as Span[]).slice(until)
      block.splice(at, block.length - at, joined, ...after)
      this.#blocks.splice(first + 1, last - first)
    }
    if (block.length > BLOCK_SPANS) this.#blocks.splice(first + 1, 0, block.splice(block.length >>> 1))
  }

  /** A span behind all others, which touches none of them. */
  #append(span: Span): void {
    this.#size += span.end - span.start
    const block = this.#blocks.at(-1)
    if (block === undefined || block.length >= BLOCK_SPANS) this.#blocks.push([span])
    else block.push(span)
  }

  #blockEndingAfter(index: number): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (((this.#blocks[middle] as Span[]).at(-1) as Span).end > index) high = middle
      else low = middle + 1
    }
    return low
  }
}

const firstEndingAfter = (spans: readonly Span[], index: number): number => {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((spans[middle] as Span).end > index) high = middle
    else low = middle + 1
  }
  return low
}
