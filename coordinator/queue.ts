// The work queue of one job, through all its epochs: a lost one is followed by the next. In: tasks to offer. Out: the same in
// the queue of the newest epoch; the job's reports. Always true: `epoch` is one whose queue is there, or 0; items too large for
// a message are one blob for all attempts of their shard, from its first offer until it is closed.
import { itemsCodec } from '../proto/blob-codec.js'
import { sizeOf } from '../proto/items.js'
import type { Log } from '../proto/log.js'
import type { BlobRef, JobSpec, Task } from '../proto/shard.js'
import { taskCodec } from '../proto/shard-codec.js'
import type { JobChannel, OnReport } from '../proto/transport.js'
import type { Blobs } from './blobs.js'

export interface QueueOptions {
  readonly spec: JobSpec
  readonly log: Log
  readonly blobs: Blobs
  /** In which tasks and their items are written now. */
  readonly version: () => number
  /** The largest task that travels in one message; a larger one's items are a blob. */
  readonly taskBytes: number
  readonly openChannel: (epoch: number, onReport: OnReport) => Promise<JobChannel>
  readonly dropEpochsBefore: (epoch: number) => Promise<void>
  /** Of its first queue here. */
  readonly firstEpoch: number
  readonly isOver: () => boolean
  readonly onReport: OnReport
  /** The queue of an epoch is there. */
  readonly onOpen: () => void
  /** It is there in place of one that was lost: what nobody holds is to be offered again. */
  readonly onReopen: () => void
}

/** What a task says beside its job and epoch. */
export type Offer = Omit<Task, 'job' | 'epoch' | 'items'> & { readonly items: Exclude<Task['items'], BlobRef> }

/** The queue could not be opened again: tried again after this long. */
const REOPEN_SECONDS = 0.5

/** After so many bytes of reports, transport and agents are told to let go of them; smaller: more messages. */
const RELEASE_BYTES = 8 * 1024 * 1024
/** And after so many reports, however small: every beat names what is not let go of. */
const RELEASE_REPORTS = 1000

/** The same items in each version in which they were offered, the newest last. */
interface LargeItems {
  version: number
  readonly refs: BlobRef[]
}

export class JobQueue {
  readonly #options: QueueOptions
  readonly #largeItems = new Map<number, LargeItems>()
  #channel: JobChannel | undefined
  /** Agents that pull from a queue that is not there yet would wait in vain. */
  #epoch = 0
  #dropping: Promise<void> | undefined
  /** Reports that were handled and are still kept by the transport, and by the agents that sent them. */
  #handledBytes = 0
  #handledReports = 0

  constructor(options: QueueOptions) {
    this.#options = options
  }

  get epoch(): number {
    return this.#epoch
  }

  async open(): Promise<void> {
    const { openChannel, onReport, onOpen } = this.#options
    // One that could not be opened is tried again: nobody has heard of it, and its streams may be there.
    const epoch = Math.max(this.#epoch + 1, this.#options.firstEpoch)
    const channel = await openChannel(epoch, onReport)
    this.#channel = channel
    this.#epoch = epoch
    onOpen()
    void channel.lost.then(why => this.#reopen(epoch, why))
  }

  offer({ shard, attempt, start, items, careful, timeBoxSeconds }: Offer): void {
    const { spec, taskBytes } = this.#options
    const version = this.#options.version()
    const payload = sizeOf(items) > taskBytes ? this.#keep(shard, items, version) : undefined
    const epoch = this.#epoch
    const { job } = spec
    const task = { job, epoch, shard, attempt, start, items: payload ?? items, careful, timeBoxSeconds }
    this.#channel?.offer(`${epoch}/${shard}/${attempt}`, taskCodec.encode(task, version)).catch(this.#onNotStored)
  }

  #keep(shard: number, items: Offer['items'], version: number): BlobRef {
    const kept = this.#largeItems.get(shard) ?? { version, refs: [] }
    const newest = kept.refs.at(-1)
    if (newest !== undefined && kept.version === version) return newest
    const ref = this.#options.blobs.keep(itemsCodec.encode(items, version))
    kept.version = version
    kept.refs.push(ref)
    this.#largeItems.set(shard, kept)
    return ref
  }

  /** A task that was not stored is like one that nobody claims: the ledger offers it again. */
  readonly #onNotStored = (error: Error): void => {
    const { isOver, log } = this.#options
    if (!isOver()) log('debug', `A shard was not stored: ${error.message}`)
  }

  /** The shard is not offered again. */
  release(shard: number): void {
    for (const ref of this.#largeItems.get(shard)?.refs ?? []) this.#options.blobs.release(ref)
    this.#largeItems.delete(shard)
  }

  /** So many reports came in so many bytes. Returns whether enough have come together to be let go of. */
  handled(reports: number, bytes: number): boolean {
    this.#handledReports += reports
    this.#handledBytes += bytes
    if (this.#handledBytes < RELEASE_BYTES && this.#handledReports < RELEASE_REPORTS) return false
    this.#handledBytes = 0
    this.#handledReports = 0
    return true
  }

  /** Reports up to this position need not be kept by the transport. */
  trim(position: number): void {
    this.#channel?.trim(position)
  }

  async close(keep?: 'reports'): Promise<void> {
    await Promise.all([this.#dropping, this.#channel?.close(keep).catch(() => {})])
    for (const shard of [...this.#largeItems.keys()]) this.release(shard)
  }

  async #reopen(epoch: number, why: string): Promise<void> {
    const { spec, log, isOver, onReopen } = this.#options
    if (isOver() || epoch !== this.#epoch) return
    log('warn', `The queue of ${spec.name} was lost (${why}); what is not settled is offered again.`)
    while (!isOver()) {
      try {
        await this.open()
        break
      } catch (error) {
        log('warn', `The queue could not be opened again: ${(error as Error).message}`)
        await new Promise(resolve => setTimeout(resolve, REOPEN_SECONDS * 1000))
      }
    }
    if (isOver()) return
    onReopen()
    this.dropEarlier()
  }

  /** What is left of old queues costs disk until their server is wiped, and nothing else: nobody waits for it but `close`. */
  dropEarlier(): void {
    const { log, dropEpochsBefore } = this.#options
    this.#dropping = dropEpochsBefore(this.#epoch).catch(error =>
      log('debug', `An old queue could not be deleted: ${(error as Error).message}`),
    )
  }
}
