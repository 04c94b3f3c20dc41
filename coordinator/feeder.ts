// The input side of a job: reads as fast as it is let, in pieces of the size that the plan asks for, and keeps what was read
// until it is settled. In: an Input; what is settled; a word when there may be room. Out: spans of items, in order, each read
// once; the items of any that is still open. Always true: it reads only while there is room, and nothing after the job's end.
import { countOf, type Items } from '../proto/items.js'
import type { ItemFailure } from '../proto/outcome.js'
import type { Span } from '../proto/shard.js'
import type { Input } from './input/input.js'
import { Split } from './split.js'

export interface FeederOptions {
  readonly input: Input
  /** So many items at the front are settled, and only passed over. */
  readonly settledFront: number
  readonly isRunning: () => boolean
  readonly hasRoom: () => boolean
  /** How many items the next piece should have. */
  readonly size: () => number
  readonly onItems: (span: Span) => void
  readonly onUndecodable: (failure: ItemFailure) => void
  readonly onEnd: () => void
}

/** A shard's items in bytes; more slots than cores want smaller ones. */
const SHARD_BYTES = 1024 * 1024

export class Feeder {
  readonly #options: FeederOptions
  readonly #split = new Split()
  #isEnded = false
  #wake: (() => void) | undefined

  constructor(options: FeederOptions) {
    this.#options = options
  }

  /** Everything was read. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Items that were read so far. */
  get items(): number {
    return this.#split.nextIndex
  }

  /** Items that were not read yet, where that is known. */
  get unread(): number | undefined {
    const { count } = this.#options.input
    return count === undefined ? undefined : count - this.#split.nextIndex
  }

  get heldBytes(): number {
    return this.#split.heldBytes
  }

  itemsOf(span: Span): Items {
    return this.#split.items(span)
  }

  settle(span: Span): void {
    this.#split.settle(span)
  }

  /** There may be room, or the job is over. */
  wake(): void {
    this.#wake?.()
  }

  /** Resolves when everything was read, or the job runs no more. */
  async run(): Promise<void> {
    const { input, isRunning, hasRoom, size, onItems, onUndecodable, onEnd } = this.#options
    await this.#skipFront()
    while (isRunning()) {
      if (!hasRoom()) {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
        continue
      }
      const batch = await input.next(size(), SHARD_BYTES)
      if (!isRunning()) return
      if (batch === undefined) {
        this.#isEnded = true
        onEnd()
        return
      }
      if ('undecodable' in batch)
        onUndecodable({ index: this.#split.skip().start, reason: 'undecodable', message: batch.undecodable })
      else onItems(this.#split.take(batch.items))
    }
  }

  async #skipFront(): Promise<void> {
    const { input, settledFront, isRunning } = this.#options
    while (this.#split.nextIndex < settledFront && isRunning()) {
      const batch = await input.next(settledFront - this.#split.nextIndex, SHARD_BYTES)
      if (batch === undefined)
        throw new Error(`the input ends after ${this.#split.nextIndex} items, and ${settledFront} are written already`)
      this.#split.skip('undecodable' in batch ? 1 : countOf(batch.items))
    }
  }
}
