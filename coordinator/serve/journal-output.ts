// The output of a served job: outcomes as they settle, in a journal that only the job's owner can append to. In: outcomes. Out: the
// same as reports, several to a message where they come fast. Always true: each item stands in the journal once; whoever has the job
// no more has his next message refused, and is told so; what is written counts, whether a checkpoint names it or not.
import { countOf, EMPTY_ITEMS } from '../../proto/items.js'
import { toMessages, toOneMessage, toReports } from '../../proto/letters.js'
import type { Log } from '../../proto/log.js'
import type { Outcomes, Report } from '../../proto/outcome.js'
import { type Journal, StoreConflict } from '../../proto/store.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'
import type { Checkpoint } from '../durable/checkpoint.js'
import { FailureCount } from '../failure-count.js'
import { outcomesBytes } from '../gather.js'
import type { Output, OutputPoint } from '../output/output.js'
import { ReportReader } from '../report-reader.js'
import { SpanSet } from '../spans.js'

export interface JournalOutputOptions {
  readonly journal: Journal
  readonly job: string
  /** Which owner of the job writes, and its name. */
  readonly owner: number
  readonly daemon: string
  readonly limitBytes: number
  readonly log: Log
  /** Something was appended. */
  readonly onAppended: () => void
}

/** One message; smaller: more of them. Larger: readers wait longer, and hold more. */
const MESSAGE_BYTES = 256 * 1024
/** What may wait to be appended. Smaller: writers wait for each message. Larger: more memory. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024

export class JournalOutput implements Output {
  readonly #options: JournalOutputOptions
  #position: number
  #sequence = 0
  #waiting: Outcomes[] = []
  #waitingBytes = 0
  #appending: Promise<void> = Promise.resolve()
  #failure: Error | undefined

  private constructor(options: JournalOutputOptions, position: number) {
    this.#options = options
    this.#position = position
  }

  /**
   * Takes the journal over from an earlier owner, whose next message is refused from then on. Resolves with how far the job is:
   * what `from` says, and what was appended since.
   */
  static async open(
    options: JournalOutputOptions,
    from: Checkpoint | undefined,
  ): Promise<{ readonly output: JournalOutput; readonly from: Checkpoint }> {
    const { journal } = options
    await journal.create()
    const mark = toOneMessage(toMessages(reportOf(options, 0, NOTHING), options.limitBytes))
    let position = await journal.last()
    for (;;) {
      try {
        position = await journal.append(mark, position)
        break
      } catch (error) {
        // The earlier owner was a moment earlier.
        const last = error instanceof StoreConflict ? await journal.last() : position
        if (last === position) throw error
        position = last
      }
    }
    return { output: new JournalOutput(options, position), from: await pointAt(options, position, from) }
  }

  /** Another owner has the job. */
  get isDeposed(): boolean {
    return this.#failure instanceof StoreConflict
  }

  /** It could not be written to: not for what is in the outcomes. */
  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  async write(outcomes: Outcomes): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.#waiting.push(outcomes)
    this.#waitingBytes += outcomesBytes(outcomes)
    const appended = this.#append()
    if (this.#waitingBytes > MOST_WAITING_BYTES) await appended
    else appended.catch(() => {})
  }

  async checkpoint(): Promise<OutputPoint> {
    await this.#append()
    return { file: this.#options.job, bytes: this.#position, format: null }
  }

  commit(): Promise<void> {
    return this.#append()
  }

  async abandon(): Promise<void> {
    await this.#append().catch(() => {})
  }

  /** All that waits when it is its turn goes together. */
  #append(): Promise<void> {
    this.#appending = this.#appending.then(() => this.#appendAll())
    return this.#appending
  }

  async #appendAll(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    const { journal, onAppended } = this.#options
    try {
      for (const message of this.#messages(waiting)) {
        this.#position = await journal.append(message, this.#position)
        onAppended()
      }
    } catch (error) {
      this.#failure = error as Error
      throw error
    }
  }

  *#messages(waiting: readonly Outcomes[]): Generator<Uint8Array> {
    const { limitBytes } = this.#options
    let together: Uint8Array[] = []
    let bytes = 0
    for (const outcomes of waiting)
      for (const report of toReports(reportOf(this.#options, this.#sequence++, outcomes), limitBytes, true))
        for (const message of toMessages(report, limitBytes)) {
          const isFull = bytes + message.byteLength > Math.min(MESSAGE_BYTES, limitBytes / 2)
          if (isFull && together.length > 0) {
            yield toOneMessage(together)
            together = []
            bytes = 0
          }
          together.push(message)
          bytes += message.byteLength
        }
    if (together.length > 0) yield toOneMessage(together)
  }
}

const NOTHING: Outcomes = { start: 0, end: 0, values: EMPTY_ITEMS, failures: [] }

const reportOf = (
  { job, owner, daemon }: Pick<JournalOutputOptions, 'job' | 'owner' | 'daemon'>,
  sequence: number,
  { start, end, values, failures }: Outcomes,
): Report => ({
  job,
  epoch: owner,
  shard: 0,
  attempt: 1,
  agent: daemon,
  slot: 0,
  sequence,
  start,
  end,
  values,
  failures,
  timing: NO_SLOT_TIME,
  last: false,
})

/** The outcomes of one message of a journal, and whether the message is whole by itself. */
export const outcomesOf = (reader: ReportReader, message: Uint8Array): readonly Report[] =>
  reader.read(message).filter(({ start, end, values, failures }) => countOf(values) + failures.length === end - start)

const pointAt = async (
  { journal, job, log }: JournalOutputOptions,
  position: number,
  from: Checkpoint | undefined,
): Promise<Checkpoint> => {
  const written = new SpanSet(from?.written)
  const failures = new FailureCount(from)
  const reader = new ReportReader(log)
  for (let at = (from?.output.bytes ?? 0) + 1; at <= position; at++) {
    const message = await journal.read(at)
    if (message === undefined)
      throw new Error(`the outcomes of job ${job} are not all in NATS any more (message ${at})`)
    for (const report of outcomesOf(reader, message)) {
      written.add(report.start, report.end)
      failures.add(report.failures)
    }
  }
  const output = { file: job, bytes: position, format: null }
  return { output, written: written.all(), failed: failures.count, failures: failures.first, isWhole: false }
}
