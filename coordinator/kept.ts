// A job whose sample has been run already: the rest of its items is run, and what the sample gave takes its places in the
// output. In: sampled items, the job's real input and output. Out: an input without them, an output with them, an end that
// counts both. Always true: every item of the input has one outcome at its own index, in order where order is asked for; an
// input that changed in between is an error, never a mixture.
import { countOf, type Items, joinItems, sliceItems, toTexts, unpackItems } from '../proto/items.js'
import type { ItemFailure, Outcomes } from '../proto/outcome.js'
import type { Decision } from './decisions.js'
import { sliceOutcomes } from './gather.js'
import type { Input, InputBatch } from './input/input.js'
import type { JobEnd } from './job.js'
import type { Output } from './output/output.js'
import type { Sampled } from './sampling.js'

const EMPTY: Items = { form: 'json', count: 0, text: new Uint8Array() }
/** The first failures are kept for people. */
const FAILURES_KEPT = 20

/** Where the items of the rest stand in the whole. */
export class Places {
  /** For the nth sampled item: how many of the rest come before it. Ascending. */
  readonly #before: readonly number[]

  /** `sampled`: indices in the whole, ascending, each once. */
  constructor(sampled: readonly number[]) {
    this.#before = sampled.map((index, nth) => index - nth)
  }

  /** The index in the whole of the nth item of the rest. */
  whole(nth: number): number {
    return nth + this.#sampledBefore(nth)
  }

  /** [start, end) of the rest, cut so that each part is one piece of the whole. */
  parts(start: number, end: number): { readonly start: number; readonly end: number }[] {
    const parts: { start: number; end: number }[] = []
    let from = start
    for (let nth = this.#sampledBefore(start); nth < this.#before.length && from < end; nth++) {
      const to = this.#before[nth] as number
      if (to >= end) break
      if (to > from) parts.push({ start: from, end: to })
      from = to
    }
    if (from < end) parts.push({ start: from, end })
    return parts
  }

  #sampledBefore(nth: number): number {
    let low = 0
    let high = this.#before.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#before[middle] as number) <= nth) low = middle + 1
      else high = middle
    }
    return low
  }
}

const hasText = (items: Items): boolean => items.form === 'json' || items.form === 'records'

const isSame = (one: Items, other: Items): boolean => {
  if (hasText(one) && hasText(other)) return Buffer.compare(toTexts(one).text, toTexts(other).text) === 0
  return Object.is(unpackItems(one)[0], unpackItems(other)[0])
}

/** The input without the sampled items. */
export class RestInput implements Input {
  readonly count: number | undefined
  readonly #input: Input
  readonly #sampled: readonly Sampled[]
  #nextSampled = 0
  #index = 0

  constructor(input: Input, sampled: readonly Sampled[]) {
    this.#input = input
    this.#sampled = sampled
    this.count = input.count === undefined ? undefined : input.count - sampled.length
  }

  async next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined> {
    for (;;) {
      const batch = await this.#input.next(maxItems, maxBytes)
      if (batch === undefined) {
        if (this.#nextSampled < this.#sampled.length) throw this.#changed()
        return undefined
      }
      if ('undecodable' in batch) {
        if (this.#sampled[this.#nextSampled]?.index === this.#index) throw this.#changed()
        this.#index += 1
        return batch
      }
      const items = this.#withoutSampled(batch.items)
      if (countOf(items) > 0) return { items }
    }
  }

  close(): Promise<void> {
    return this.#input.close()
  }

  #withoutSampled(items: Items): Items {
    const start = this.#index
    const count = countOf(items)
    this.#index += count
    const parts: Items[] = []
    let from = 0
    for (
      let next = this.#sampled[this.#nextSampled];
      next !== undefined && next.index < this.#index;
      next = this.#sampled[++this.#nextSampled]
    ) {
      const at = next.index - start
      if (!isSame(sliceItems(items, at, at + 1), next.item)) throw this.#changed()
      if (at > from) parts.push(sliceItems(items, from, at))
      from = at + 1
    }
    if (from === 0) return items
    if (from < count) parts.push(sliceItems(items, from, count))
    return joinItems(parts)
  }

  #changed(): Error {
    const { index } = this.#sampled[this.#nextSampled] as Sampled
    return new Error(`the input changed while it was read: item ${index} is not what it was when it was sampled`)
  }
}

/** The output of the whole, written to as the output of the rest. */
export class WholeOutput implements Output {
  readonly #output: Output
  readonly #sampled: readonly Sampled[]
  readonly #places: Places
  readonly #ordered: boolean
  #nextSampled = 0
  /** The index in the whole up to which everything was written, where order is kept. */
  #written = 0

  constructor(output: Output, sampled: readonly Sampled[], options: { readonly ordered: boolean }) {
    this.#output = output
    this.#sampled = sampled
    this.#places = new Places(sampled.map(({ index }) => index))
    this.#ordered = options.ordered
  }

  async write(outcomes: Outcomes): Promise<void> {
    if (!this.#ordered) await this.#writeSampled(Number.POSITIVE_INFINITY)
    for (const part of this.#places.parts(outcomes.start, outcomes.end)) {
      const { values, failures } = sliceOutcomes(outcomes, part)
      const start = this.#places.whole(part.start)
      const end = start + part.end - part.start
      if (this.#ordered) await this.#writeSampled(start)
      const moved = failures.map(failure => ({ ...failure, index: failure.index - part.start + start }))
      await this.#output.write({ start, end, values, failures: moved })
      this.#written = end
    }
  }

  async commit(): Promise<void> {
    await this.#writeSampled(Number.POSITIVE_INFINITY)
    await this.#output.commit()
  }

  async abandon(): Promise<void> {
    // In order nothing stands behind a gap.
    if (this.#ordered) while (this.#sampled[this.#nextSampled]?.index === this.#written) await this.#writeNext()
    else await this.#writeSampled(Number.POSITIVE_INFINITY)
    await this.#output.abandon()
  }

  async #writeSampled(before: number): Promise<void> {
    while ((this.#sampled[this.#nextSampled]?.index ?? Number.POSITIVE_INFINITY) < before) await this.#writeNext()
  }

  async #writeNext(): Promise<void> {
    const { index, outcome } = this.#sampled[this.#nextSampled++] as Sampled
    const span = { start: index, end: index + 1 }
    this.#written = span.end
    if ('failure' in outcome) await this.#output.write({ ...span, values: EMPTY, failures: [outcome.failure] })
    else await this.#output.write({ ...span, values: outcome.value, failures: [] })
  }
}

const failuresOf = (sampled: readonly Sampled[]): ItemFailure[] =>
  sampled.flatMap(({ outcome }) => ('failure' in outcome ? [outcome.failure] : []))

/** The receipt stays that of the rest, and says so. */
const sampledBefore = (items: number, { settled }: JobEnd): Decision => ({
  at_seconds: 0,
  decision: `${items} items were run before, while the job was sampled; this account is that of the other ${settled}`,
  figures: { sampled_items: items },
})

/** The end of the rest as that of the whole. */
export const wholeEnd = (end: JobEnd, sampled: readonly Sampled[]): JobEnd => {
  const places = new Places(sampled.map(({ index }) => index))
  const moved = end.failures.map(failure => ({ ...failure, index: places.whole(failure.index) }))
  const before = failuresOf(sampled)
  // The reason names the item by the index that the rest knows.
  const why = end.why?.replace(/^Item (\d+) failed: /, (_, index) => `Item ${places.whole(Number(index))} failed: `)
  return {
    ...end,
    settled: end.settled + sampled.length,
    failed: end.failed + before.length,
    failures: [...before, ...moved].slice(0, FAILURES_KEPT),
    ...(why !== undefined && { why }),
    receipt: { ...end.receipt, decisions: [sampledBefore(sampled.length, end), ...end.receipt.decisions] },
  }
}
