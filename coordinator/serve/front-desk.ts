// The desk of a daemon: what callers ask for, done on the bucket of jobs, whoever has the job. In: calls. Out: views, outcomes, or a
// DeskError. Always true: a job is there for all daemons once submit has resolved, or nothing of it is; a job of another daemon is
// asked for by a wish under its key, which outlives both.
import { randomInt } from 'node:crypto'
import type { Log } from '../../proto/log.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import { type Store, StoreConflict, StoreFailure } from '../../proto/store.js'
import type { Clock } from '../../proto/timing.js'
import type { Coordinator } from '../coordinator.js'
import { Range } from '../input/range.js'
import { checkAsked, checkSlots } from './asked.js'
import type { Book, Known } from './book.js'
import {
  type AgentView,
  type AskedPart,
  type Desk,
  DeskError,
  type JobAsked,
  type JobDetail,
  type JobView,
  type ResultsAsked,
} from './desk.js'
import { fromBytes, isEnd, type JobState, keysOf, newRecord, newState, toBytes, type Wish } from './job-record.js'
import { journalResults } from './journal-results.js'
import { spool } from './spool.js'
import { type Shown, shownOf, viewOf } from './view.js'

export interface FrontDeskOptions {
  readonly store: Store
  readonly book: Book
  readonly coordinator: Coordinator
  readonly log: Log
  readonly clock: Clock
  /** Of this daemon; undefined while it has none. */
  readonly tenure: () => string | undefined
  /** The job is being sent to this daemon; returns what is to be called when it is not any more. */
  readonly arriving: (id: string) => () => void
  /** Why this daemon does not run a job that it has. */
  readonly waits: (id: string) => string | undefined
}

const NUMBER_KEY = 'number'
const LETTERS = 'abcdefghijkmnpqrstuvwxyz'
const ID_LETTERS = 6
/** A job that is asked to end is waited for so long: a daemon that died meanwhile is followed by another one. */
const CANCEL_SECONDS = 12
/** Asked of a daemon without a tenure: waits so long for one. */
const TENURE_SECONDS = 3
/** Whoever watches looks again after this long, whatever he heard. */
const WATCH_SECONDS = 2
/** Views of a job that runs come so often at most. */
const VIEW_SECONDS = 0.2

export class FrontDesk implements Desk {
  readonly #options: FrontDeskOptions

  constructor(options: FrontDeskOptions) {
    this.#options = options
  }

  /** Resolves when jobs can be numbered. */
  async open(): Promise<void> {
    await this.#options.store.jobs.put(NUMBER_KEY, Buffer.from('0'), 0).catch(ignoreConflict)
  }

  async submit(asked: JobAsked, parts: AsyncIterable<AskedPart>): Promise<JobView> {
    checkAsked(asked)
    const { store, book, arriving } = this.#options
    const tenure = await this.#tenure()
    const number = await stored(() => this.#nextNumber())
    const id = `${number}-${Array.from({ length: ID_LETTERS }, () => LETTERS[randomInt(LETTERS.length)]).join('')}`
    const arrived = arriving(id)
    const keys = keysOf(id)
    try {
      const state = newState('arriving', tenure)
      const revision = await stored(() => store.jobs.put(keys.state, toBytes(state), 0))
      const spooled = await stored(() => spool(store.journal('in', id), store.limitBytes, parts))
      const { input } = asked
      const count = 'format' in input ? null : new Range(input.start, input.end, input.step).length
      const record = newRecord({ id, number, submitted: new Date().toISOString(), asked, count, spooled })
      const bytes = toBytes(record)
      if (bytes.byteLength > store.limitBytes)
        throw new DeskError('ASKED', `the description of the job is longer than NATS takes: ${bytes.byteLength} bytes`)
      await stored(() => store.jobs.put(keys.record, bytes, 0))
      await stored(() => store.jobs.put(keys.state, toBytes({ ...state, phase: 'active' }), revision))
    } catch (error) {
      await this.clear(id).catch(() => {})
      throw error
    } finally {
      await book.read(id)
      arrived()
    }
    return this.#view(await this.#known(id))
  }

  async *watch(job: string, signal: AbortSignal): AsyncGenerator<JobView> {
    const { clock } = this.#options
    await this.#known(job)
    for (let said = ''; ; ) {
      const { promise, stop } = this.#options.book.changed(job, WATCH_SECONDS, signal)
      const known = shownOf(this.#options.book.get(job))
      if (known === undefined) {
        stop()
        throw unknown(job)
      }
      const view = this.#view(known)
      const text = JSON.stringify({ ...view, wallSeconds: isEnd(known.state.phase) ? view.wallSeconds : 0 })
      if (text !== said) yield view
      said = text
      if (isEnd(known.state.phase)) {
        stop()
        return
      }
      const dueSeconds = clock() + VIEW_SECONDS
      await promise
      while (clock() < dueSeconds && !this.#isOver(job) && !signal.aborted)
        await this.#options.book.changed(job, dueSeconds - clock(), signal).promise
      signal.throwIfAborted()
    }
  }

  async *results(job: string, asked: ResultsAsked, signal: AbortSignal): AsyncGenerator<Outcomes> {
    const { store, book, log } = this.#options
    await this.#known(job)
    const results = journalResults({
      ...asked,
      journal: store.journal('out', job),
      log,
      isEnded: () => {
        const known = shownOf(book.get(job))
        if (known === undefined) throw unknown(job)
        return isEnd(known.state.phase)
      },
      news: () => book.changed(job, 1, signal),
      signal,
    })
    try {
      yield* results
    } catch (error) {
      throw error instanceof StoreFailure ? new DeskError('STORE', error.message, { cause: error }) : error
    }
  }

  async cancel(job: string, reason: string): Promise<JobView> {
    const known = await this.#known(job)
    const { store, book, clock } = this.#options
    if (isEnd(known.state.phase)) return this.#view(known)
    const wish: Wish = { cancel: reason || 'it was asked to end' }
    // The first wish counts.
    await stored(() => store.jobs.put(keysOf(job).wish, toBytes(wish), 0)).catch(ignoreConflict)
    const untilSeconds = clock() + CANCEL_SECONDS
    let view = this.#view(known)
    for (;;) {
      const { promise } = book.changed(job, 0.5)
      const now = await this.#known(job)
      view = this.#view(now)
      if (isEnd(now.state.phase) || clock() > untilSeconds) return view
      await promise
    }
  }

  async resume(job: string): Promise<JobView> {
    const known = await this.#known(job)
    const { phase } = known.state
    if (phase === 'done') throw new DeskError('JOB_STATE', `job ${job} is done: there is nothing to go on with`)
    if (!isEnd(phase)) return this.#view(known)
    const { store, book } = this.#options
    await stored(() => store.jobs.delete(keysOf(job).wish))
    const { why: _, receipt: __, ...state } = known.state
    await this.#change(known, { ...state, phase: 'active', daemon: null })
    await book.read(job)
    return this.#view(await this.#known(job))
  }

  async forget(job: string): Promise<void> {
    const known = await this.#known(job)
    if (!isEnd(known.state.phase))
      throw new DeskError('JOB_STATE', `job ${job} is ${this.#view(known).state}: cancel it first`)
    const { owner } = known.state
    const done = this.#options.arriving(job)
    try {
      await this.#change(known, { ...known.state, phase: 'leaving', daemon: await this.#tenure(), owner: owner + 1 })
      await stored(() => this.clear(job))
    } finally {
      done()
    }
  }

  async jobs(): Promise<readonly JobView[]> {
    return this.#options.book.all().flatMap(known => {
      const shown = shownOf(known)
      return shown === undefined ? [] : [this.#view(shown)]
    })
  }

  async describe(job: string): Promise<JobDetail> {
    const known = await this.#known(job)
    const entry = await stored(() => this.#options.store.jobs.get(keysOf(job).state))
    const state = entry && fromBytes<JobState>(keysOf(job).state, entry.value)
    const failures: readonly ItemFailure[] = state?.checkpoint?.failures ?? []
    return {
      view: this.#view(known),
      asked: known.record.asked,
      failures,
      ...(state?.receipt && { receipt: state.receipt }),
    }
  }

  async agents(): Promise<readonly AgentView[]> {
    return this.#options.coordinator.agents()
  }

  async drain(agent: string): Promise<AgentView> {
    return this.#options.coordinator.drain(agent) ?? noAgent(agent)
  }

  async setSlots(agent: string, slots: number): Promise<AgentView> {
    checkSlots(slots)
    return this.#options.coordinator.setSlots(agent, slots) ?? noAgent(agent)
  }

  /** Takes away all that is left of a job: its keys last, so that it can be done again. */
  async clear(id: string): Promise<void> {
    const { store, coordinator, book } = this.#options
    await Promise.all([store.journal('in', id).remove(), store.journal('out', id).remove(), coordinator.dropJob(id)])
    const { record, state, wish } = keysOf(id)
    for (const key of [wish, record, state]) await store.jobs.delete(key)
    await book.read(id)
  }

  /** One that has just lost it, as on a busy machine, has the next one within a moment. */
  async #tenure(): Promise<string> {
    const { clock, tenure } = this.#options
    const untilSeconds = clock() + TENURE_SECONDS
    for (;;) {
      const held = tenure()
      if (held !== undefined) return held
      if (clock() > untilSeconds) throw new DeskError('ENDING', 'this daemon takes no jobs now: ask another one')
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }

  async #nextNumber(): Promise<number> {
    const { jobs } = this.#options.store
    for (;;) {
      const before = await jobs.get(NUMBER_KEY)
      const number = Number(before === undefined ? 0 : Buffer.from(before.value).toString()) + 1
      try {
        await jobs.put(NUMBER_KEY, Buffer.from(String(number)), before?.revision ?? 0)
        return number
      } catch (error) {
        if (!(error instanceof StoreConflict)) throw error
      }
    }
  }

  /** As it is now: it was read after the call. */
  async #known(job: string): Promise<Shown> {
    const { book } = this.#options
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(job)) throw unknown(job)
    await book.read(job)
    const known = shownOf(book.get(job))
    if (known === undefined) throw unknown(job)
    return known
  }

  async #change({ id, revision }: Known, state: JobState): Promise<void> {
    const { store, book } = this.#options
    try {
      await stored(() => store.jobs.put(keysOf(id).state, toBytes(state), revision))
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error
      await book.read(id)
      throw new DeskError('JOB_STATE', `job ${id} has just changed: look at it again`, { cause: error })
    }
  }

  #isOver(job: string): boolean {
    const known = this.#options.book.get(job)
    return known === undefined || isEnd(known.state.phase)
  }

  #view(shown: Shown): JobView {
    const { tenure, waits } = this.#options
    return viewOf(shown, { tenure: tenure(), waits })
  }
}

const unknown = (job: string): DeskError => new DeskError('JOB_UNKNOWN', `there is no job ${job.slice(0, 80)}`)

const noAgent = (agent: string): never => {
  throw new DeskError('AGENT_UNKNOWN', `no agent ${agent.slice(0, 80)} has been heard of lately`)
}

const ignoreConflict = (error: unknown): void => {
  if (!(error instanceof StoreConflict)) throw error
}

/** What the store does not do now can be tried again. */
const stored = async <T>(step: () => Promise<T>): Promise<T> => {
  try {
    return await step()
  } catch (error) {
    throw error instanceof StoreFailure ? new DeskError('STORE', error.message, { cause: error }) : error
  }
}
