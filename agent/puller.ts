// Asks for tasks, job by job, for as much as there is room. In: room, and the jobs that may be asked. Out: messages of tasks,
// as they come. Always true: what is asked for and not yet there is never more than the room there was, but for one of each
// job; a job is asked once at a time; a pull that ends leaves no credit behind.
import type { Log } from '../proto/log.js'
import type { AgentTransport } from '../proto/transport.js'
import type { KnownJob } from './intake.js'

/** A job as its pulls see it. */
export interface Source {
  readonly job: string
  readonly known: Pick<KnownJob, 'epoch' | 'weight'>
  /** Ends the pulls that are under way. */
  stop: AbortController
  pulling: boolean
}

export interface PullerOptions {
  readonly transport: Pick<AgentTransport, 'pull'>
  readonly log: Log
  /** Tasks that may still be taken, but for those that are asked for; 0 or less: none now. */
  readonly room: () => number
  /** The jobs that may be asked now, and how many there are at all. */
  readonly sources: () => { readonly ready: readonly Source[]; readonly inAll: number }
  readonly onTask: (message: Uint8Array) => void
}

/** How long an empty queue is waited on. Larger: fewer requests. Smaller: weights of several jobs are kept more exactly. */
const PULL_SECONDS = { only: 5, several: 1 }
/** A job's queue that was not there is asked again after this long. */
const MISSING_QUEUE_SECONDS = 0.5

export class Puller {
  readonly #options: PullerOptions
  #outstandingCredit = 0

  constructor(options: PullerOptions) {
    this.#options = options
  }

  /** Asks for as much as there is room for, by the weights of the jobs. */
  pull(): void {
    const room = this.#options.room() - this.#outstandingCredit
    if (room <= 0) return
    const { ready, inAll } = this.#options.sources()
    const idle = ready.filter(source => !source.pulling)
    const weights = idle.reduce((sum, { known: { weight } }) => sum + Math.max(1, weight), 0)
    const waitSeconds = inAll > 1 ? PULL_SECONDS.several : PULL_SECONDS.only
    for (const source of idle) {
      const credit = Math.max(1, Math.floor((room * Math.max(1, source.known.weight)) / weights))
      void this.#pullFrom(source, credit, waitSeconds)
    }
  }

  async #pullFrom(source: Source, credit: number, waitSeconds: number): Promise<void> {
    const { transport, log, onTask } = this.#options
    const { job, known } = source
    const { signal } = source.stop
    source.pulling = true
    let open = credit
    this.#outstandingCredit += credit
    const settle = (count: number): void => {
      const used = Math.min(count, open)
      open -= used
      this.#outstandingCredit -= used
    }
    const take = (message: Uint8Array): void => {
      settle(1)
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
