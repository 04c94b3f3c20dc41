// Asks for tasks, job by job, for as much as there is room. In: room, and the jobs that may be asked. Out: messages of tasks,
// as they come. Always true: what is asked for and not yet there is never more than the room there was, but for one of each
// job; a job is asked once at a time; a pull that ends leaves no credit behind. Of several jobs each is asked for its own share
// (demand.ts), whatever others have not answered yet.
import type { Log } from '../proto/log.js'
import type { Clock } from '../proto/timing.js'
import type { AgentTransport } from '../proto/transport.js'
import { type Demand, demandOf, type Room } from './demand.js'
import type { KnownJob } from './intake.js'
import type { Share } from './shares.js'

/** A job as its pulls see it. */
export interface Source {
  readonly job: string
  readonly known: Pick<KnownJob, 'epoch'>
  /** Of the jobs that are here. */
  readonly share: Share
  /** Ends the pulls that are under way. */
  stop: AbortController
  pulling: boolean
  /** When it was first asked, or gave something last. */
  gaveAtSeconds?: number
}

export interface PullerOptions {
  readonly transport: Pick<AgentTransport, 'pull'>
  readonly log: Log
  /** Tasks that may still be taken, but for those that are asked for; 0 or less: none now. */
  readonly room: () => number
  /** What there is of each job, and how many slots. */
  readonly load: () => Room
  readonly clock: Clock
  /** Nothing more is taken, whatever room there is. */
  readonly isClosed: () => boolean
  /** The jobs that may be asked now, and how many there are at all. */
  readonly sources: () => { readonly ready: readonly Source[]; readonly inAll: number }
  readonly onTask: (message: Uint8Array) => void
}

/** How long an empty queue is waited on. Larger: fewer requests. Smaller: weights of several jobs are kept more exactly. */
const PULL_SECONDS = { only: 5, several: 1 }
/** A job's queue that was not there is asked again after this long. */
const MISSING_QUEUE_SECONDS = 0.5
/** A job that was asked and gave nothing for so long has nothing: those of a lower priority are asked. Smaller: they get slots in between. */
const DRY_SECONDS = 0.05

export class Puller {
  readonly #options: PullerOptions
  #outstandingCredit = 0
  #again: NodeJS.Timeout | undefined

  constructor(options: PullerOptions) {
    this.#options = options
  }

  /** Asks for as much as there is room for, by the weights of the jobs. */
  pull(): void {
    const { room, sources } = this.#options
    const { ready, inAll } = sources()
    const waitSeconds = inAll > 1 ? PULL_SECONDS.several : PULL_SECONDS.only
    if (ready.length > 1) return this.#pullShares(ready, waitSeconds)
    const credit = room() - this.#outstandingCredit
    for (const source of ready) if (!source.pulling && credit > 0) void this.#pullFrom(source, credit, waitSeconds)
  }

  #pullShares(ready: readonly Source[], waitSeconds: number): void {
    if (this.#options.isClosed()) return
    const now = this.#options.clock()
    const demands = ready.map((source): Demand => {
      const { job, share, pulling, gaveAtSeconds = now } = source
      return { job, share, isAsked: pulling, isDry: pulling && now - gaveAtSeconds >= DRY_SECONDS }
    })
    const credits = demandOf(demands, this.#options.load())
    for (const source of ready) {
      const credit = credits.get(source.job) ?? 0
      if (credit > 0 && !source.pulling) void this.#pullFrom(source, credit, waitSeconds)
    }
    // Those of a lower priority may have what the others leave, once that is known.
    if (this.#again === undefined && demands.some(({ isAsked, isDry }) => isAsked && !isDry))
      this.#again = setTimeout(() => {
        this.#again = undefined
        this.pull()
      }, DRY_SECONDS * 1000)
  }

  stop(): void {
    clearTimeout(this.#again)
  }

  async #pullFrom(source: Source, credit: number, waitSeconds: number): Promise<void> {
    const { transport, log, onTask } = this.#options
    const { job, known } = source
    const { signal } = source.stop
    source.pulling = true
    source.gaveAtSeconds ??= this.#options.clock()
    let open = credit
    this.#outstandingCredit += credit
    const settle = (count: number): void => {
      const used = Math.min(count, open)
      open -= used
      this.#outstandingCredit -= used
    }
    const take = (message: Uint8Array): void => {
      settle(1)
      source.gaveAtSeconds = this.#options.clock()
      onTask(message)
      // The last of this pull's credit: the next pull may begin while this one is still being wound up.
      if (open === 0) source.pulling = false
      this.pull()
    }
    try {
      const count = await transport.pull(job, known.epoch, credit, waitSeconds, take, signal)
      if (count < 0) await pause(MISSING_QUEUE_SECONDS, signal)
    } catch (error) {
      if (!signal.aborted) log('warn', `Pulling shards of ${job} failed: ${(error as Error).message}`)
      await pause(MISSING_QUEUE_SECONDS, signal)
    } finally {
      const wasOpen = open > 0
      settle(open)
      if (wasOpen) source.pulling = false
      this.pull()
    }
  }
}

const pause = (seconds: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, seconds * 1000)
    signal.addEventListener('abort', done)
  })
