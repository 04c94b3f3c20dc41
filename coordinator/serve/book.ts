// What this daemon knows of all jobs, its own and others'. In: the bucket of jobs, news of those that run. Out: records and states,
// and a word at each change. Always true: a state in it was read with its revision, never taken from a hint; it may be older than the
// bucket's, so that whoever writes expects the revision that stands here.
import type { Log } from '../../proto/log.js'
import type { Store } from '../../proto/store.js'
import type { Subscription } from '../../proto/transport.js'
import { fromBytes, type JobRecord, type JobState, keysOf, type Wish } from './job-record.js'

/** How a job is that runs, as its owner tells all a few times a second. */
export interface News {
  readonly settled: number
  readonly failed: number
  readonly slots: number
  readonly wallSeconds: number
  /** Why nobody works on it. */
  readonly waiting?: string
}

export interface Known {
  readonly id: string
  /** Undefined while it arrives. */
  readonly record?: JobRecord
  /** Without what is read again where it is asked for: its receipt. */
  readonly state: JobState
  readonly revision: number
  readonly wish?: Wish
  readonly news?: News
}

/** All is read again after this long: a hint may have been lost. Smaller: more to read where there are many jobs. */
const READ_AGAIN_SECONDS = 30

export class Book {
  readonly #store: Store
  readonly #log: Log
  readonly #known = new Map<string, Known>()
  readonly #reading = new Map<string, { again: boolean; done: Promise<void> }>()
  readonly #handlers = new Set<(id: string) => void>()
  #subscriptions: Subscription[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
  }

  /** Resolves when all jobs there are have been read. */
  async open(): Promise<void> {
    this.#subscriptions = [
      this.#store.jobs.onPut(key => void this.read(idOf(key))),
      this.#store.onNews((id, news) => this.#hear(id, news)),
      this.#store.onReconnect(() => void this.#readAll()),
    ]
    this.#timer = setInterval(() => void this.#readAll(), READ_AGAIN_SECONDS * 1000)
    await this.#readAll()
  }

  close(): void {
    clearInterval(this.#timer)
    for (const subscription of this.#subscriptions) subscription.close()
  }

  get(id: string): Known | undefined {
    return this.#known.get(id)
  }

  /** In the order of submission. */
  all(): Known[] {
    return [...this.#known.values()].sort((a, b) => (a.record?.number ?? 0) - (b.record?.number ?? 0))
  }

  /** Called with the id of a job that has changed, or is there no more. */
  onChange(handler: (id: string) => void): Subscription {
    this.#handlers.add(handler)
    return { close: () => void this.#handlers.delete(handler) }
  }

  /** Resolves when the job has changed, the signal is aborted, so long has passed, or it is stopped. */
  changed(job: string, seconds: number, signal?: AbortSignal): { readonly promise: Promise<void>; stop(): void } {
    let stop = (): void => {}
    const promise = new Promise<void>(resolve => {
      const subscription = this.onChange(id => {
        if (id === job) stop()
      })
      const timer = setTimeout(() => stop(), seconds * 1000)
      stop = () => {
        subscription.close()
        clearTimeout(timer)
        signal?.removeEventListener('abort', stop)
        resolve()
      }
      signal?.addEventListener('abort', stop)
      if (signal?.aborted) stop()
    })
    return { promise, stop: () => stop() }
  }

  /** Reads it from the bucket. Resolves when what is known is not older than the call, or could not be read. */
  read(id: string): Promise<void> {
    const reading = this.#reading.get(id)
    if (reading !== undefined) {
      reading.again = true
      return reading.done
    }
    const begun = { again: false, done: Promise.resolve() }
    begun.done = this.#readUntilStill(id, begun)
    this.#reading.set(id, begun)
    return begun.done
  }

  async #readUntilStill(id: string, asked: { again: boolean }): Promise<void> {
    try {
      do {
        asked.again = false
        await this.#read(id)
      } while (asked.again)
    } catch (error) {
      this.#log('warn', `What is kept of job ${id} could not be read: ${(error as Error).message}`)
    } finally {
      this.#reading.delete(id)
    }
  }

  async #read(id: string): Promise<void> {
    const keys = keysOf(id)
    const { jobs } = this.#store
    const [state, wish] = await Promise.all([jobs.get(keys.state), jobs.get(keys.wish)])
    const before = this.#known.get(id)
    if (state === undefined) {
      if (this.#known.delete(id)) this.#tell(id)
      return
    }
    const record = before?.record ?? (await this.#record(keys.record))
    const { receipt: _, ...bare } = fromBytes<JobState>(keys.state, state.value)
    this.#known.set(id, {
      id,
      state: bare,
      revision: state.revision,
      ...(record && { record }),
      ...(wish && { wish: fromBytes<Wish>(keys.wish, wish.value) }),
      ...(before?.news && bare.phase === 'active' && { news: before.news }),
    })
    this.#tell(id)
  }

  async #record(key: string): Promise<JobRecord | undefined> {
    const entry = await this.#store.jobs.get(key)
    return entry && fromBytes<JobRecord>(key, entry.value)
  }

  async #readAll(): Promise<void> {
    try {
      const keys = await this.#store.jobs.keys()
      const ids = new Set([...keys].filter(key => key.endsWith('.state')).map(idOf))
      for (const id of this.#known.keys()) ids.add(id)
      for (const id of ids) await this.read(id)
    } catch (error) {
      this.#log('warn', `What is kept of jobs could not be read: ${(error as Error).message}`)
    }
  }

  #hear(id: string, bytes: Uint8Array): void {
    const known = this.#known.get(id)
    if (known?.state.phase !== 'active') return
    const news = JSON.parse(Buffer.from(bytes).toString()) as News
    this.#known.set(id, { ...known, news })
    this.#tell(id)
  }

  #tell(id: string): void {
    for (const handler of [...this.#handlers]) handler(id)
  }
}

const idOf = (key: string): string => key.slice(0, key.indexOf('.'))
