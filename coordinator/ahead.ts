// The queue of the next job, made while nothing runs, so that a short job need not wait for it.
// In: jobs that begin and end. Out: an id for each and a way to open its queue, which may be there already. Always true: one
// queue is made ahead at most, and only when a job has followed another or it was asked for; none outlives `keepSeconds` without a job, or close().
import { randomUUID } from 'node:crypto'
import { toToken } from '../proto/subjects.js'
import type { Clock } from '../proto/timing.js'
import type { CoordinatorTransport, JobChannel, OnReport } from '../proto/transport.js'

export interface AheadOptions {
  readonly openJob: CoordinatorTransport['openJob']
  /** Without a job for so long what was made is deleted; 0: nothing is made. */
  readonly keepSeconds: number
  readonly clock: Clock
}

/** A job that begins. */
export interface Opening {
  readonly job: string
  /** Makes the queue of its first epoch, or hands over the one that is there. */
  open(onReport: OnReport): Promise<JobChannel>
}

interface Made extends Opening {
  readonly opened: Promise<JobChannel>
  drop(): Promise<void>
}

/** Larger: queues are made for what they would save nothing. Smaller: short jobs that are not the shortest wait for theirs. */
const SHORT_SECONDS = 1

export class Ahead {
  readonly #options: AheadOptions
  #made: Made | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #dropping = new Set<Promise<void>>()
  #beganAtSeconds = Number.NEGATIVE_INFINITY
  #restedAtSeconds = Number.NEGATIVE_INFINITY
  /** The newest job came soon after another: perhaps one comes soon after it. A command's only job is followed by none. */
  #isFollowing = false
  #closed = false

  constructor(options: AheadOptions) {
    this.#options = options
  }

  /** A job begins. What was made ahead has no name in its id, as nobody knew it. */
  take(name: string): Opening {
    const { openJob, keepSeconds, clock } = this.#options
    this.#beganAtSeconds = clock()
    this.#isFollowing = this.#beganAtSeconds - this.#restedAtSeconds <= keepSeconds
    const made = this.#made
    this.#made = undefined
    clearTimeout(this.#timer)
    if (made !== undefined) return made
    const job = `${newId()}-${toToken(name).slice(0, 24)}`
    return { job, open: onReport => openJob(job, 1, onReport) }
  }

  /** The last job is over. */
  rest(): void {
    const { keepSeconds, clock } = this.#options
    this.#restedAtSeconds = clock()
    const isShort = this.#restedAtSeconds - this.#beganAtSeconds < SHORT_SECONDS
    if (keepSeconds === 0 || !isShort || !this.#isFollowing || this.#closed) return
    this.#made ??= this.#make()
    this.#keep()
  }

  /** Makes the queue of the first job before there is one: whether it can be made is known then. */
  async prepare(): Promise<void> {
    this.#made ??= this.#make()
    await this.#made.opened
    this.#keep()
  }

  /** What was made is deleted: the next job has a queue of its own name. */
  discard(): void {
    this.#drop()
  }

  /** Resolves when nothing that was made is left. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    this.#drop()
    await Promise.all(this.#dropping)
  }

  #keep(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#drop(), this.#options.keepSeconds * 1000)
  }

  #make(): Made {
    const { openJob } = this.#options
    const job = newId()
    let hear: OnReport = () => {}
    const opened = openJob(job, 1, (report, position) => hear(report, position))
    const made: Made = {
      job,
      opened,
      open: async onReport => {
        hear = onReport
        // One that could not be made then is made now, or says why not to the job.
        return await opened.catch(() => openJob(job, 1, onReport))
      },
      drop: async () => {
        await (await opened).close()
        // Of a lost one the reports may still be there: they are the next epoch's.
        if (isLost) await (await openJob(job, 2, () => {})).close()
      },
    }
    let isLost = false
    const lose = (): void => {
      isLost = true
      if (this.#made === made) this.#drop()
    }
    // One that could not be made is lost in no other way.
    opened.then(channel => channel.lost).then(lose, () => {})
    return made
  }

  #drop(): void {
    const made = this.#made
    this.#made = undefined
    clearTimeout(this.#timer)
    if (made === undefined) return
    const dropping = made
      .drop()
      .catch(() => {})
      .finally(() => this.#dropping.delete(dropping))
    this.#dropping.add(dropping)
  }
}

/** Ascending in time and unique, so that names of streams sort by age. */
const newId = (): string => `${Date.now().toString(36)}-${randomUUID().slice(0, 8)}`
