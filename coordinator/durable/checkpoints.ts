// When a job writes down how far it is, so that a later process can go on there. In: reports as they are heard, the clock.
// Out: checkpoints, each saved before the reports that it makes needless are let go of. Always true: one at a time; they
// take at most a twentieth of the time, but where what is kept for the next one would fill memory; without `durable` nothing
// is written, and reports are let go of once they are handled.
import type { Log } from '../../proto/log.js'
import type { Span } from '../../proto/shard.js'
import type { Clock } from '../../proto/timing.js'
import type { Settling } from '../settling.js'
import { SpanSet } from '../spans.js'
import type { Durable } from './checkpoint.js'
import { KeptReports } from './kept-reports.js'

export interface CheckpointsOptions {
  readonly durable: Durable | undefined
  readonly settling: Settling
  /** So many bytes of reports may be kept between two. */
  readonly mostBytes: number
  /** Reports up to this position are not needed any more. */
  readonly trim: (position: number) => void
  readonly clock: Clock
  readonly log: Log
}

/** Smaller: waits for the disk more often. Larger: more is run again after a power cut. */
const INTERVAL_SECONDS = 1
/** Between two there is so many times what the last one took. */
const REST = 20

export class Checkpoints {
  readonly #options: CheckpointsOptions
  readonly #kept = new KeptReports()
  #position = 0
  #saving: Promise<void> | undefined
  #dueAtSeconds = Number.NEGATIVE_INFINITY
  #hasFailed = false
  /** The last one could not be saved. */
  #isOwed = false
  /** Items that have failed and are in no checkpoint. */
  readonly #failed: number[] = []

  constructor(options: CheckpointsOptions) {
    this.#options = options
  }

  /** A report that stands there has settled these items. */
  heard(position: number, settled: readonly Span[], bytes: number): void {
    this.#position = position
    if (this.#options.durable !== undefined) this.#kept.add(position, settled, bytes)
  }

  /** Of the reports that the transport still keeps for the next one. */
  get keptBytes(): number {
    return this.#kept.bytes
  }

  /** The transport still keeps outcomes that are in no checkpoint. */
  get needsReports(): boolean {
    return this.#options.durable !== undefined && this.#kept.hasAny
  }

  /** Lets go of what can be, and writes a checkpoint when it is time. */
  tick(): void {
    const { durable, trim, clock, mostBytes } = this.#options
    if (durable === undefined) trim(this.#position)
    else if (this.#saving === undefined && (clock() >= this.#dueAtSeconds || this.keptBytes > mostBytes))
      void this.save(false)
  }

  /** Resolves when what is written by now is in a checkpoint, or could not be; the job goes on without. */
  save(isWhole: boolean): Promise<void> {
    const saved = (this.#saving ?? Promise.resolve())
      .then(() => this.#save(isWhole))
      .finally(() => {
        if (this.#saving === saved) this.#saving = undefined
      })
    // At once: the next tick may come in the same turn of the event loop.
    this.#saving = saved
    return saved
  }

  async #save(isWhole: boolean): Promise<void> {
    const { durable, settling, trim, clock, log } = this.#options
    if (durable === undefined) return
    const beganAt = clock()
    try {
      const made = await settling.checkpoint(isWhole, isWhole || this.#isOwed)
      if (made === undefined) return
      const { checkpoint, failed } = made
      this.#isOwed = true
      for (const index of failed) this.#failed.push(index)
      await durable.save(checkpoint, this.#failed)
      this.#isOwed = false
      this.#failed.length = 0
      trim(this.#kept.release(new SpanSet(checkpoint.written)))
    } catch (error) {
      if (!this.#hasFailed)
        log('warn', `How far the job is could not be written down, and it goes on: ${(error as Error).message}`)
      this.#hasFailed = true
    }
    this.#dueAtSeconds = clock() + Math.max(INTERVAL_SECONDS, REST * (clock() - beganAt))
  }
}
