// What was given back and is too long for one shard: it waits, to be cut when there is room. A pure machine.
// In: spans, and what was settled meanwhile. Out: spans of the size that is asked for. Always true: what comes out was not
// settled before, and comes out once.
import type { Span } from '../proto/shard.js'
import type { SpanSet } from './spans.js'

interface WaitingSpan extends Span {
  /** What comes out of it for workers has at most so many items. */
  readonly mostItems: number
}

export class Waiting {
  readonly #settled: SpanSet
  /** In the order in which they came; disjoint. */
  #spans: WaitingSpan[] = []
  #items = 0

  constructor(settled: SpanSet) {
    this.#settled = settled
  }

  /** How many items wait; those that were settled meanwhile are counted until their turn. */
  get items(): number {
    return this.#items
  }

  get hasAny(): boolean {
    return this.#first() !== undefined
  }

  add(span: WaitingSpan): void {
    this.#spans.push(span)
    this.#items += span.end - span.start
  }

  /** The next of them, at most so many items. */
  take(items: number, isForCaller: boolean): Span | undefined {
    const open = this.#first()
    if (open === undefined) return undefined
    const mostItems = isForCaller ? Number.POSITIVE_INFINITY : (this.#spans[0] as WaitingSpan).mostItems
    const piece = { start: open.start, end: Math.min(open.end, open.start + Math.min(items, mostItems)) }
    this.#advance(piece.end)
    return piece
  }

  /** What is open at the front; what was settled before it is let go. */
  #first(): Span | undefined {
    for (let span = this.#spans[0]; span !== undefined; span = this.#spans[0]) {
      const [open] = this.#settled.missing(span.start, span.end)
      this.#advance(open?.start ?? span.end)
      if (open !== undefined) return open
    }
    return undefined
  }

  /** The first span begins at `start` from now on. */
  #advance(start: number): void {
    const span = this.#spans[0]
    if (span === undefined || start <= span.start) return
    this.#items -= start - span.start
    if (start >= span.end) this.#spans.shift()
    else this.#spans[0] = { ...span, start }
  }
}
