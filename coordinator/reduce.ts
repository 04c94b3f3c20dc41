// Reduction: every shard is folded to one value where it is, and those values are folded again until one is left.
// In: a job whose function is associative, fn(a, b). Out: fn over all items from left to right, in input order.
// Always true: order is kept, so that the function need not commute.
import { countOf, EMPTY_ITEMS, type Items, joinItems, packLines, sliceItems, unpackItems } from '../proto/items.js'
import { combineReceipts } from './combine.js'
import type { Input, InputBatch } from './input/input.js'
import type { Hands, JobEnd, JobRequest } from './job.js'
import type { Output } from './output/output.js'
import type { Receipt } from './receipt.js'

/** Keeps the values of the shards, in order. */
class Partials implements Output {
  readonly #parts: Items[] = []

  async write({ values }: { readonly values: Items }): Promise<void> {
    this.#parts.push(values)
  }

  async commit(): Promise<void> {}
  async abandon(): Promise<void> {}

  joined(): Items {
    return this.#parts.length === 0 ? EMPTY_ITEMS : joinItems(this.#parts)
  }
}

class BatchInput implements Input {
  readonly count: number
  readonly #items: Items
  #at = 0

  constructor(items: Items) {
    this.#items = items
    this.count = countOf(items)
  }

  async next(maxItems: number): Promise<InputBatch | undefined> {
    if (this.#at >= this.count) return undefined
    const from = this.#at
    // A fold of one item is no progress.
    this.#at = Math.min(this.count, from + Math.max(2, maxItems))
    return { items: sliceItems(this.#items, from, this.#at) }
  }

  async close(): Promise<void> {}
}

/** At most so many values are folded in one shard, without a further round. */
const LAST_ROUND_ITEMS = 256

export const NOTHING_TO_REDUCE = 'There are no items to reduce, and no initial value: give one (`initial`, --initial).'

/** `value` is there when the reduction succeeded; no items and no initial value is a failure, as in Python. */
export const reduceJob = async (
  hands: Hands,
  request: Omit<JobRequest, 'output' | 'operation'>,
  initial?: { readonly value: unknown },
): Promise<{ readonly end: JobEnd; readonly value?: unknown }> => {
  const first = new Partials()
  const options = { ...request.options, onError: 'stop', unordered: false } as const
  const firstEnd = await hands.run({ ...request, options, operation: 'fold', output: first })
  if (firstEnd.state !== 'done') return { end: firstEnd }
  const later: Receipt[] = []
  // The account is of all rounds.
  const endSoFar = (): JobEnd => ({
    ...firstEnd,
    receipt: combineReceipts(firstEnd.receipt, later, request.options.shardSize),
  })
  const { mapper: _, ...combine } = request.function
  let values = first.joined()
  if (initial !== undefined)
    values = joinItems([packLines([initial.value]).items, ...(countOf(values) > 0 ? [values] : [])])
  while (countOf(values) > 1) {
    const partials = new Partials()
    const shardSize = countOf(values) <= LAST_ROUND_ITEMS ? { shardSize: LAST_ROUND_ITEMS } : {}
    const input = new BatchInput(values)
    const { onProgress: __, ...quiet } = request
    const round = await hands.run({
      ...quiet,
      function: combine,
      options: { ...options, ...shardSize },
      operation: 'fold',
      input,
      output: partials,
    })
    later.push(round.receipt)
    if (round.state !== 'done')
      return {
        end: {
          ...endSoFar(),
          state: round.state,
          failures: round.failures,
          failed: round.failed,
          ...(round.why !== undefined && { why: round.why }),
        },
      }
    values = partials.joined()
  }
  if (countOf(values) === 0) {
    return {
      end: {
        ...endSoFar(),
        state: 'broken',
        why: NOTHING_TO_REDUCE,
      },
    }
  }
  return { end: endSoFar(), value: unpackItems(values)[0] }
}
