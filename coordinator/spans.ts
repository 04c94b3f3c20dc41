// A set of item indices as few spans as possible.
// Always true: spans are sorted, disjoint and never touch, so that a job in order is one span, whatever its length.
import type { Span } from '../proto/shard.js'

export class SpanSet {
  #spans: Span[] = []
  #size = 0

  /** How many indices it holds. */
  get size(): number {
    return this.#size
  }

  /** The spans of [start, end) that it does not hold, in order. */
  missing(start: number, end: number): Span[] {
    const gaps: Span[] = []
    let at = start
    for (let i = this.#firstEndingAfter(start); i < this.#spans.length && at < end; i++) {
      const span = this.#spans[i] as Span
      if (span.start >= end) break
      if (span.start > at) gaps.push({ start: at, end: span.start })
      at = span.end
    }
    if (at < end) gaps.push({ start: at, end })
    return gaps
  }

  add(start: number, end: number): void {
    if (start >= end) return
    // Spans that end where the new one starts are joined to it, so the search begins one index early.
    const first = this.#firstEndingAfter(start - 1)
    let last = first
    let joined: Span = { start, end }
    let held = 0
    for (; last < this.#spans.length; last++) {
      const span = this.#spans[last] as Span
      if (span.start > end) break
      held += span.end - span.start
      joined = { start: Math.min(joined.start, span.start), end: Math.max(joined.end, span.end) }
    }
    this.#spans.splice(first, last - first, joined)
    this.#size += joined.end - joined.start - held
  }

  #firstEndingAfter(index: number): number {
    let low = 0
    let high = this.#spans.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#spans[middle] as Span).end > index) high = middle
      else low = middle + 1
    }
    return low
  }
}
