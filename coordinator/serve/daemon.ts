// A coordinator daemon: the jobs that it has, and those of daemons that have died. In: a NATS server. Out: a Desk for callers.
//
//   desk ── submit, cancel, resume ──> bucket of jobs ──> book ──> daemon: whose is it? ──> served job ──> coordinator ──> agents
//        <─ views ── book <── states, news                                                      └──> journal ──> results ──> desk
//
// Always true: a job that is not over belongs to one daemon, or will within a moment; it is had by whoever wrote its state last, and
// only while this daemon's tenure holds; what cannot go on now is tried again, by this daemon or another one.
import { hostname } from 'node:os'
import type { Log } from '../../proto/log.js'
import { type Store, StoreConflict } from '../../proto/store.js'
import { toToken } from '../../proto/subjects.js'
import { type Clock, monotonicSeconds } from '../../proto/timing.js'
import { openStore } from '../../proto/transport/open.js'
import { openClusterCoordinator } from '../cluster.js'
import type { Coordinator } from '../coordinator.js'
import { Book, type Known } from './book.js'
import type { Desk } from './desk.js'
import { FrontDesk } from './front-desk.js'
import { isEnd, type JobRecord, type JobState, keysOf, toBytes } from './job-record.js'
import { Lease } from './lease.js'
import { ServedJob } from './served-job.js'
import { Tenures } from './tenures.js'

export interface DaemonOptions {
  /** For instance nats://127.0.0.1:4222. */
  readonly nats: string
  /** Allows plain nats:// beyond loopback. */
  readonly insecure?: boolean
  /** Servers of a NATS cluster that keep each stream and bucket; by default 1. */
  readonly replicas?: number
  /** By default the host's. */
  readonly name?: string
  /** Jobs that have ended are remembered, with their results, up to this number; by default 1000. */
  readonly keepJobs?: number
  readonly log: Log
}

export interface Daemon {
  readonly name: string
  readonly desk: Desk
  /** Resolves when the connection is gone for good, with why, or when the daemon was closed. */
  readonly ended: Promise<Error | undefined>
  /** Its jobs go to other daemons, or wait for the next one; what runs is finished for a moment. Idempotent. */
  close(): Promise<void>
}

const KEPT_JOBS = 1000
/** Jobs of one daemon at once; the others wait. Larger: less memory for each. */
const MOST_RUNNING = 64
/** Items and outcomes of all of them together. */
const MEMORY_BYTES = 512 * 1024 * 1024
const JOB_MEMORY_BYTES = { least: 8 * 1024 * 1024, most: 64 * 1024 * 1024 }
/** For what runs while the daemon is asked to end. */
const GRACE_SECONDS = 3
/** Other daemons' jobs are looked at so often. Smaller: more questions to NATS. Larger: a dead one's jobs wait longer. */
const LOOK_SECONDS = 0.5
/** A job that could not go on is tried again after so long, and twice that the next time, up to the most. */
const AGAIN_SECONDS = { first: 1, most: 30 }

export const openDaemon = async (options: DaemonOptions): Promise<Daemon> => {
  const { nats: url, insecure = false, replicas = 1, log } = options
  const name = toToken(options.name ?? hostname()).slice(0, 48)
  const store = await openStore({ url, insecure, replicas }, `manyhands daemon ${name}`)
  const coordinator = await openClusterCoordinator({ nats: url, insecure, replicas, log }, 0).catch(async error => {
    await store.close()
    throw error
  })
  const daemon = new ServingDaemon({ name, store, coordinator, keepJobs: options.keepJobs ?? KEPT_JOBS, log })
  try {
    await daemon.open()
  } catch (error) {
    await daemon.close()
    throw error
  }
  return daemon
}

interface ServingOptions {
  readonly name: string
  readonly store: Store
  readonly coordinator: Coordinator
  readonly keepJobs: number
  readonly log: Log
}

class ServingDaemon implements Daemon {
  readonly name: string
  readonly desk: FrontDesk
  readonly ended: Promise<Error | undefined>
  readonly #options: ServingOptions
  readonly #clock: Clock = monotonicSeconds
  readonly #book: Book
  readonly #lease: Lease
  readonly #tenures: Tenures
  readonly #running = new Map<string, { readonly job: ServedJob; readonly ended: Promise<void> }>()
  /** Being taken, ended or cleared by this daemon. */
  readonly #busy = new Set<string>()
  /** Jobs that could not go on: not before then. */
  readonly #later = new Map<string, { readonly atSeconds: number; readonly waitSeconds: number }>()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isLookDue = false
  #closing: Promise<void> | undefined

  constructor(options: ServingOptions) {
    const { name, store, log } = options
    this.#options = options
    this.name = name
    this.ended = store.closed
    this.#book = new Book(store, log)
    this.#lease = new Lease({
      bucket: store.daemons,
      name,
      clock: this.#clock,
      log,
      onLost: () => this.#letGoAll(),
    })
    this.#tenures = new Tenures(store.daemons, this.#clock)
    this.desk = new FrontDesk({
      store,
      book: this.#book,
      coordinator: options.coordinator,
      log,
      clock: this.#clock,
      tenure: () => (this.#closing === undefined ? this.#lease.tenure : undefined),
      arriving: id => this.#reserve(id),
      waits: id => this.#whyNotRunning(id),
    })
  }

  async open(): Promise<void> {
    await this.desk.open()
    await this.#lease.open()
    this.#book.onChange(id => this.#changed(id))
    await this.#book.open()
    this.#timer = setInterval(() => this.#look(), LOOK_SECONDS * 1000)
    this.#look()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    for (const { job } of this.#running.values()) job.handOver(GRACE_SECONDS)
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
    await this.#looking
    this.#book.close()
    await this.#lease.close()
    await this.#options.coordinator.close()
    await this.#options.store.close()
  }

  /** While a client still sends it nobody takes it for left behind. */
  #reserve(id: string): () => void {
    this.#busy.add(id)
    return () => {
      this.#busy.delete(id)
      this.#look()
    }
  }

  #changed(id: string): void {
    const known = this.#book.get(id)
    if (known === undefined) {
      this.#later.delete(id)
      return
    }
    const running = this.#running.get(id)
    if (running !== undefined && known.wish !== undefined) running.job.cancel(known.wish.cancel)
    if (running === undefined && !isEnd(known.state.phase) && known.state.daemon === null) this.#look()
  }

  /** The tenure is over: others have what this daemon had. */
  #letGoAll(): void {
    this.#options.log('warn', 'NATS has not answered for too long: other daemons go on with the jobs of this one.')
    for (const { job } of this.#running.values()) job.letGo()
  }

  /** Looks for jobs that are nobody's; one look at a time, and one more when something came meanwhile. */
  #look(): void {
    this.#isLookDue = true
    if (this.#looking !== undefined || this.#closing !== undefined) return
    this.#looking = (async () => {
      while (this.#isLookDue && this.#closing === undefined) {
        this.#isLookDue = false
        await this.#takeAll().catch(error =>
          this.#options.log('warn', `Jobs could not be looked through: ${(error as Error).message}`),
        )
      }
    })().finally(() => {
      this.#looking = undefined
    })
  }

  async #takeAll(): Promise<void> {
    const tenure = this.#lease.tenure
    if (tenure === undefined) return
    // The states first, then whose tenures are over: whoever took a job in between has changed its revision.
    const open = this.#book.all().filter(({ id, state }) => !isEnd(state.phase) && !this.#isHere(id))
    const isOthers = ({ state }: Known): boolean => state.daemon !== null && state.daemon !== tenure
    const over = await this.#tenures.over(new Set(open.filter(isOthers).map(({ state }) => state.daemon as string)))
    const free = open.filter(known => !isOthers(known) || over.has(known.state.daemon as string))
    for (const known of this.#inTurn(free)) {
      if (known.state.phase === 'active' && this.#running.size >= MOST_RUNNING) continue
      await this.#take(known, tenure)
    }
    await this.#forgetOldest()
  }

  #isHere(id: string): boolean {
    const again = this.#later.get(id)
    return this.#running.has(id) || this.#busy.has(id) || (again !== undefined && this.#clock() < again.atSeconds)
  }

  #inTurn(jobs: readonly Known[]): Known[] {
    const priority = ({ record }: Known): number => record?.asked.priority ?? 0
    return [...jobs].sort((a, b) => priority(b) - priority(a))
  }

  async #take(known: Known, tenure: string): Promise<void> {
    const { id, record, state } = known
    const { store, log } = this.#options
    const isFirst =
      state.daemon === tenure && state.phase === 'active' && !this.#later.has(id) && state.checkpoint === null
    const taken: JobState = isFirst ? state : { ...state, daemon: tenure, owner: state.owner + 1 }
    this.#busy.add(id)
    try {
      const revision = isFirst ? known.revision : await store.jobs.put(keysOf(id).state, toBytes(taken), known.revision)
      if (state.phase !== 'active' || record === undefined) await this.desk.clear(id)
      else this.#run({ ...known, record }, taken, revision)
    } catch (error) {
      // Another daemon was a moment earlier, which the book will say.
      if (error instanceof StoreConflict) await this.#book.read(id)
      else {
        log('warn', `Job ${id} could not be taken over: ${(error as Error).message}`)
        this.#putOff(id)
      }
    } finally {
      this.#busy.delete(id)
    }
  }

  #run(known: Known & { readonly record: JobRecord }, state: JobState, revision: number): void {
    const { store, coordinator, log } = this.#options
    const { id, record } = known
    const share = MEMORY_BYTES / (this.#running.size + 1)
    const memoryBytes = Math.min(JOB_MEMORY_BYTES.most, Math.max(JOB_MEMORY_BYTES.least, share))
    const job = new ServedJob({ known, state, revision, store, coordinator, memoryBytes, clock: this.#clock, log })
    const from = state.owner > 1 ? `, behind ${state.settled} settled items` : ''
    log('info', `Job ${id} (${record.asked.name}) is run by this daemon${from}.`)
    const ended = job.toEnd().then(
      how => {
        this.#later.delete(id)
        log('info', how === 'ended' ? `Job ${id} has ended.` : `Job ${id} is not this daemon's any more.`)
      },
      error => {
        log('warn', `Job ${id} cannot go on now, and is tried again: ${(error as Error).message}`)
        this.#putOff(id)
      },
    )
    const settled = ended.then(async () => {
      await this.#book.read(id)
      this.#running.delete(id)
      this.#look()
    })
    this.#running.set(id, { job, ended: settled })
  }

  #putOff(id: string): void {
    const waitSeconds = Math.min(AGAIN_SECONDS.most, 2 * (this.#later.get(id)?.waitSeconds ?? AGAIN_SECONDS.first / 2))
    this.#later.set(id, { atSeconds: this.#clock() + waitSeconds, waitSeconds })
  }

  #whyNotRunning(id: string): string | undefined {
    if (this.#later.has(id) && !this.#running.has(id)) return 'it could not go on just now, and is tried again'
    if (this.#running.size >= MOST_RUNNING) return `${MOST_RUNNING} jobs run already, the most at once of a daemon`
    return undefined
  }

  /** More than are to be remembered: the oldest that have ended go. */
  async #forgetOldest(): Promise<void> {
    const ended = this.#book.all().filter(({ id, state }) => isEnd(state.phase) && !this.#busy.has(id))
    for (const { id } of ended.slice(0, Math.max(0, ended.length - this.#options.keepJobs)))
      await this.desk.forget(id).catch(() => {})
  }
}
