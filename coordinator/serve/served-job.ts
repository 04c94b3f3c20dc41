// One job that this daemon has: from its state, through a run, to its end. In: what is known of it, a coordinator. Out: its end under
// its keys, or nothing where another daemon has it by now. Always true: it begins by making sure that no earlier owner can append
// to the output; its end is written before anything of it is taken away; each of its writes expects the one before.
import type { Log } from '../../proto/log.js'
import { type Journal, type Store, StoreConflict } from '../../proto/store.js'
import type { Clock } from '../../proto/timing.js'
import type { Coordinator } from '../coordinator.js'
import type { Checkpoint } from '../durable/checkpoint.js'
import type { JobFunction } from '../function/function.js'
import type { Input } from '../input/input.js'
import { inputFrom } from '../input/open.js'
import { openRange, Range } from '../input/range.js'
import { JOB_DEFAULTS, type JobEnd, type JobOptions, type JobRequest, type Progress } from '../job.js'
import type { Known, News } from './book.js'
import type { JobAsked } from './desk.js'
import { type EndPhase, type JobRecord, type JobState, keysOf, type Spooled, toBytes } from './job-record.js'
import { JournalOutput } from './journal-output.js'
import { readWhole, sharedSource, stretchSource } from './spool.js'

export interface ServedJobOptions {
  readonly known: Known & { readonly record: JobRecord }
  /** Already written: this daemon has it. */
  readonly state: JobState
  readonly revision: number
  readonly store: Store
  readonly coordinator: Coordinator
  readonly memoryBytes: number
  readonly clock: Clock
  readonly log: Log
}

/** Smaller: more messages to all daemons. Larger: whoever reads the results waits longer for each. */
const TELL_MS = 20

export class ServedJob {
  readonly #options: ServedJobOptions
  readonly #record: JobRecord
  readonly #kill = new AbortController()
  readonly #finish = new AbortController()
  readonly #beganAtSeconds: number
  #state: JobState
  #revision: number
  #progress: Progress | undefined
  #cancelled: string | undefined
  /** Another daemon has it, or is to have it. */
  #isLetGo = false
  #isHandedOver = false
  /** The output could not be written, for no fault of the job's. */
  #storeFailed = false
  #tellTimer: NodeJS.Timeout | undefined
  #graceTimer: NodeJS.Timeout | undefined

  constructor(options: ServedJobOptions) {
    this.#options = options
    this.#record = options.known.record
    this.#state = options.state
    this.#revision = options.revision
    this.#beganAtSeconds = options.clock()
    if (options.known.wish !== undefined) this.cancel(options.known.wish.cancel)
  }

  /** What was settled is kept; what runs is not waited for. */
  cancel(reason: string): void {
    this.#cancelled ??= reason
    this.#kill.abort()
  }

  /** This daemon has it no more: nothing of it is written from now on. */
  letGo(): void {
    this.#isLetGo = true
    this.#kill.abort()
  }

  /** For another daemon: what runs is finished, but for what takes longer than so. */
  handOver(graceSeconds: number): void {
    this.#isHandedOver = true
    this.#finish.abort()
    this.#graceTimer = setTimeout(() => this.#kill.abort(), graceSeconds * 1000)
  }

  /** Resolves when it has ended, or this daemon has it no more; rejects when it cannot go on now. */
  async toEnd(): Promise<'ended' | 'left'> {
    const { log, coordinator } = this.#options
    const { id } = this.#record
    try {
      if (this.#cancelled !== undefined) {
        await this.#end('cancelled', this.#cancelled)
        return 'ended'
      }
      const end = await this.#run()
      if (this.#isLetGo) return 'left'
      if (this.#isHandedOver && end.state === 'interrupted') {
        await this.#put({ ...this.#counted(end), daemon: null })
        return 'left'
      }
      if (end.state === 'broken' && this.#storeFailed) throw new Error(end.why)
      const phase = end.state === 'interrupted' ? 'cancelled' : end.state
      const why = end.state === 'interrupted' ? this.#cancelled : end.why
      await this.#end(phase, why, end)
      await coordinator
        .dropJob(id)
        .catch(error => log('warn', `The queue of job ${id} could not be deleted: ${(error as Error).message}`))
      return 'ended'
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error
      log('info', `Job ${id} is another daemon's: ${error.message}.`)
      return 'left'
    } finally {
      clearTimeout(this.#tellTimer)
      clearTimeout(this.#graceTimer)
    }
  }

  async #run(): Promise<JobEnd> {
    const { store, coordinator, memoryBytes, log } = this.#options
    const { id, asked, spooled } = this.#record
    const spool = store.journal('in', id)
    const { output, from } = await JournalOutput.open(
      {
        journal: store.journal('out', id),
        job: id,
        owner: this.#state.owner,
        daemon: this.#state.daemon ?? '',
        limitBytes: store.limitBytes,
        log,
        onAppended: () => this.#tellSoon(),
      },
      this.#state.checkpoint ?? undefined,
    )
    const files = await Promise.all(
      (spooled?.files ?? []).map(async stretch => ({ path: stretch.path, content: await readWhole(spool, stretch) })),
    )
    const shared = asked.shared && spooled ? sharedSource(spool, spooled) : undefined
    const input = inputOf(asked.input, spool, spooled)
    const request: JobRequest = {
      function: functionOf(asked, files),
      operation: 'map',
      input,
      output,
      spread: asked.spread ?? false,
      ...(asked.shared && shared && { shared: { kind: asked.shared, content: shared } }),
      options: optionsOf(asked, memoryBytes),
      signal: this.#finish.signal,
      abort: this.#kill.signal,
      onProgress: progress => {
        this.#progress = progress
        this.#tell()
      },
      durable: {
        job: id,
        owner: this.#state.owner,
        from,
        keepsReports: true,
        save: checkpoint => this.#save(checkpoint),
      },
    }
    const end = await coordinator.run(request)
    if (output.isDeposed) this.#isLetGo = true
    this.#storeFailed = output.hasFailed
    return end
  }

  async #save(checkpoint: Checkpoint): Promise<void> {
    const { settled, failed } = this.#progress ?? this.#state
    await this.#put({ ...this.#state, checkpoint, wallSeconds: this.#wallSeconds, settled, failed })
  }

  #counted({ settled, failed }: JobEnd): JobState {
    return { ...this.#state, wallSeconds: this.#wallSeconds, settled, failed }
  }

  async #end(phase: EndPhase, why: string | undefined, end?: JobEnd): Promise<void> {
    const counted = end === undefined ? this.#state : this.#counted(end)
    const said = { ...(why !== undefined && { why }), ...(end && { receipt: end.receipt }) }
    await this.#put({ ...counted, phase, daemon: null, ...said })
  }

  async #put(state: JobState): Promise<void> {
    if (this.#isLetGo) throw new StoreConflict(`job ${this.#record.id} was let go`)
    const { store } = this.#options
    try {
      this.#revision = await store.jobs.put(keysOf(this.#record.id).state, toBytes(state), this.#revision)
      this.#state = state
    } catch (error) {
      if (error instanceof StoreConflict) this.letGo()
      throw error
    }
  }

  get #wallSeconds(): number {
    return this.#options.state.wallSeconds + this.#options.clock() - this.#beganAtSeconds
  }

  /** What comes together is told together. */
  #tellSoon(): void {
    this.#tellTimer ??= setTimeout(() => this.#tell(), TELL_MS)
  }

  #tell(): void {
    clearTimeout(this.#tellTimer)
    this.#tellTimer = undefined
    if (this.#isLetGo) return
    const { settled = 0, failed = 0, slots = 0, waiting } = this.#progress ?? {}
    const news: News = { settled, failed, slots, wallSeconds: this.#wallSeconds, ...(waiting && { waiting }) }
    this.#options.store.tell(this.#record.id, Buffer.from(JSON.stringify(news)))
  }
}

const inputOf = (input: JobAsked['input'], spool: Journal, spooled: Spooled | null): Input => {
  if (!('format' in input)) return openRange(new Range(input.start, input.end, input.step))
  const { format, name = 'the input' } = input
  return inputFrom(stretchSource(spool, spooled?.input ?? { from: 1, to: 1 }, name), format)
}

const functionOf = (asked: JobAsked, files: NonNullable<JobFunction['bundle']>): JobFunction => ({
  runner: asked.runner,
  name: asked.name,
  entry: asked.entry,
  function: asked.function,
  ...(files.length > 0 && { bundle: files }),
  ...(asked.init !== undefined && { init: asked.init }),
  ...(asked.command && { command: { argv: asked.command, shell: asked.shell ?? false } }),
})

const optionsOf = (asked: JobAsked, memoryBytes: number): JobOptions => ({
  ...JOB_DEFAULTS,
  // The journal has outcomes as they settle; whoever reads it puts them in order.
  unordered: true,
  memoryBytes,
  ...(asked.timeoutSeconds !== undefined && { timeoutSeconds: asked.timeoutSeconds }),
  ...(asked.retries !== undefined && { retries: asked.retries }),
  ...(asked.maxFailures && { maxFailures: asked.maxFailures }),
  ...(asked.shardSize !== undefined && { shardSize: asked.shardSize }),
  ...(asked.concurrency !== undefined && { concurrency: asked.concurrency }),
  ...(asked.weight !== undefined && { weight: asked.weight }),
  ...(asked.priority !== undefined && { priority: asked.priority }),
  ...(asked.maxSlots !== undefined && { maxSlots: asked.maxSlots }),
  ...(asked.needs && { needs: asked.needs }),
})
