// The twin of NATS inside one process, the transport of local mode: coordinators and agents meet at a hub.
// In and out: the same bytes that NATS would carry, by reference. Handlers are called from the event loop's check phase,
// never from inside the sender's call, and all that a turn of the loop has sent is handed over at once.
// Always true: a task goes to one puller and only against its credit; an id is stored once; reports are kept until they
// are trimmed or the job is closed, so that the next epoch reads them too.
import { setMaxListeners } from 'node:events'
import type {
  AgentTransport,
  BlobHandler,
  CoordinatorTransport,
  JobChannel,
  OnReport,
  ReportAddress,
  Subscription,
} from '../transport.js'
import { deferred } from './deferred.js'
import { guarded, tooLarge } from './guard.js'
import { MemoryQueue } from './memory-queue.js'
import { MemoryReports, type ReportStore } from './memory-reports.js'

/** Larger saves parts, smaller bounds what one message may hold of memory. */
const LIMIT_BYTES = 16 * 1024 * 1024

export interface MemoryHub {
  coordinator(): CoordinatorTransport
  agent(): AgentTransport
}

type Handler = (message: Uint8Array) => void

/** Where a job's reports are kept beside memory; undefined: nowhere. */
export type StoreOf = (job: string) => Promise<ReportStore | undefined>

class Hub {
  readonly storeOf: StoreOf
  readonly queues = new Map<string, MemoryQueue>()
  readonly reports = new Map<string, MemoryReports>()
  readonly beats = new Set<Handler>()
  readonly broadcasts = new Set<Handler>()
  readonly blobs = new Set<BlobHandler>()
  #pending: (() => void)[] = []

  constructor(storeOf: StoreOf) {
    this.storeOf = storeOf
  }

  /** Runs `deliver` soon, after what was scheduled before; one immediate serves all that a turn brings. */
  readonly schedule = (deliver: () => void): void => {
    if (this.#pending.push(deliver) > 1) return
    setImmediate(() => {
      const due = this.#pending
      this.#pending = []
      for (const next of due) next()
    })
  }

  dropQueue(job: string, epoch: number, why: string): void {
    const key = queueKey(job, epoch)
    this.queues.get(key)?.drop(why)
    this.queues.delete(key)
  }

  async dropReports(job: string, why: string, keep?: 'reports'): Promise<void> {
    const reports = this.reports.get(job)
    // What is in a file is read from there again.
    if (keep !== undefined && reports?.isStored === false) return
    this.reports.delete(job)
    await reports?.drop(why, keep)
  }
}

const queueKey = (job: string, epoch: number): string => `${job} ${epoch}`

const subscribe = <T>(handlers: Set<T>, handler: T, own: Set<() => void>): Subscription => {
  const close = (): void => {
    handlers.delete(handler)
    own.delete(close)
  }
  handlers.add(handler)
  own.add(close)
  return { close }
}

/** Hands `message` to all handlers that are still there when its turn comes. */
const fanOut = (hub: Hub, handlers: Set<Handler>, message: Uint8Array): void =>
  hub.schedule(() => {
    for (const handler of [...handlers]) if (handlers.has(handler)) handler(message)
  })

const check = (open: boolean, message?: Uint8Array): void => {
  if (!open) throw new Error('the transport is closed')
  if (message && message.length > LIMIT_BYTES) throw tooLarge(message.length, LIMIT_BYTES)
}

class MemoryCoordinator implements CoordinatorTransport {
  readonly limitBytes = LIMIT_BYTES
  readonly closed: Promise<Error | undefined>
  readonly #hub: Hub
  readonly #own = new Set<() => void>()
  readonly #resolveClosed: (reason: Error | undefined) => void
  #open = true

  constructor(hub: Hub) {
    this.#hub = hub
    const { promise, resolve } = deferred<Error | undefined>()
    this.closed = promise
    this.#resolveClosed = resolve
  }

  async openJob(job: string, epoch: number, onReport: OnReport): Promise<JobChannel> {
    check(this.#open)
    const hub = this.#hub
    const key = queueKey(job, epoch)
    const reports = hub.reports.get(job) ?? new MemoryReports(hub.schedule, await hub.storeOf(job))
    hub.reports.set(job, reports)
    const queue = hub.queues.get(key) ?? new MemoryQueue(hub.schedule)
    hub.queues.set(key, queue)

    const { promise: lost, resolve } = deferred<string>()
    let state: 'open' | 'lost' | 'closed' = 'open'
    const stop = (to: 'lost' | 'closed', why: string): void => {
      if (state !== 'open') return
      state = to
      reader.close()
      queue.watchers.delete(onDrop)
      reports.watchers.delete(onDrop)
      this.#own.delete(detach)
      if (to === 'lost') resolve(why)
    }
    const onDrop = (why: string): void => stop('lost', why)
    const detach = (): void => stop('closed', '')
    const reader = reports.read(guarded(onReport))
    queue.watchers.add(onDrop)
    reports.watchers.add(onDrop)
    this.#own.add(detach)

    return {
      lost,
      offer: async (id, task) => {
        check(this.#open, task)
        if (state !== 'open') throw new Error(`the queue of job ${job}, epoch ${epoch}, is ${state}`)
        queue.put(id, task)
      },
      trim: position => reports.trim(position),
      close: async keep => {
        const wasOpen = state === 'open'
        stop('closed', '')
        if (!this.#open) return
        if (hub.queues.get(key) === queue) hub.dropQueue(job, epoch, 'the job was closed')
        if (wasOpen && hub.reports.get(job) === reports) await hub.dropReports(job, 'the job was closed', keep)
      },
    }
  }

  async dropEpochsBefore(job: string, epoch: number): Promise<void> {
    check(this.#open)
    for (const key of [...this.#hub.queues.keys()]) {
      const [ofJob, earlier] = key.split(' ')
      if (ofJob === job && Number(earlier) < epoch) this.#hub.dropQueue(job, Number(earlier), 'the queue was deleted')
    }
  }

  async dropJob(job: string): Promise<void> {
    await this.dropEpochsBefore(job, Number.POSITIVE_INFINITY)
    if (this.#hub.reports.has(job)) await this.#hub.dropReports(job, 'the job was dropped')
    // What an earlier opening left beside memory.
    else await (await this.#hub.storeOf(job))?.close()
  }

  broadcast(message: Uint8Array): void {
    if (this.#open) fanOut(this.#hub, this.#hub.broadcasts, message)
  }

  onBeat(handler: Handler): Subscription {
    return subscribe(this.#hub.beats, guarded(handler), this.#own)
  }

  serveBlobs(handler: BlobHandler): Subscription {
    return subscribe(this.#hub.blobs, request => handler(request), this.#own)
  }

  async close(): Promise<void> {
    this.#open = false
    for (const stop of [...this.#own]) stop()
    this.#resolveClosed(undefined)
  }
}

class MemoryAgent implements AgentTransport {
  readonly limitBytes = LIMIT_BYTES
  readonly closed: Promise<Error | undefined>
  readonly #hub: Hub
  readonly #own = new Set<() => void>()
  readonly #ended = new AbortController()

  constructor(hub: Hub) {
    // Every request and pull listens to it.
    setMaxListeners(0, this.#ended.signal)
    this.#hub = hub
    const { promise, resolve } = deferred<Error | undefined>()
    this.closed = promise
    this.#ended.signal.addEventListener('abort', () => resolve(undefined))
  }

  async pull(
    job: string,
    epoch: number,
    credit: number,
    waitSeconds: number,
    onTask: Handler,
    signal: AbortSignal,
  ): Promise<number> {
    check(!this.#ended.signal.aborted)
    const queue = this.#hub.queues.get(queueKey(job, epoch))
    if (!queue) return -1
    // One signal may end the pulls of all jobs.
    setMaxListeners(0, signal, this.#ended.signal)
    return queue.pull(credit, waitSeconds, guarded(onTask), [signal, this.#ended.signal])
  }

  async report(address: ReportAddress, id: string, report: Uint8Array): Promise<void> {
    check(!this.#ended.signal.aborted, report)
    const reports = this.#hub.reports.get(address.job)
    if (!reports) throw new Error(`job ${address.job} takes no reports: it is closed or was never opened`)
    reports.append(id, report)
  }

  beat(message: Uint8Array): void {
    if (!this.#ended.signal.aborted) fanOut(this.#hub, this.#hub.beats, message)
  }

  onBroadcast(handler: Handler): Subscription {
    return subscribe(this.#hub.broadcasts, guarded(handler), this.#own)
  }

  async requestBlob(request: Uint8Array, timeoutSeconds: number): Promise<Uint8Array> {
    check(!this.#ended.signal.aborted, request)
    const { promise, resolve, reject } = deferred<Uint8Array>()
    const timer = setTimeout(
      () => reject(new Error(`no coordinator answered within ${timeoutSeconds} s`)),
      timeoutSeconds * 1000,
    )
    const onEnd = (): void => reject(new Error('the transport is closed'))
    this.#ended.signal.addEventListener('abort', onEnd)
    this.#hub.schedule(() => {
      for (const handler of [...this.#hub.blobs])
        guarded((bytes: Uint8Array) => {
          const answer = handler(bytes)
          if (answer instanceof Uint8Array) resolve(answer)
          else answer?.then(resolve, reject)
        })(request)
    })
    return promise.finally(() => {
      clearTimeout(timer)
      this.#ended.signal.removeEventListener('abort', onEnd)
    })
  }

  /** A process does not lose itself. */
  onReconnect(): Subscription {
    return { close: () => {} }
  }

  async close(): Promise<void> {
    for (const stop of [...this.#own]) stop()
    this.#ended.abort()
  }
}

/** Coordinators and agents of one hub reach each other, and nobody else. */
export const createMemoryHub = (storeOf: StoreOf = async () => undefined): MemoryHub => {
  const hub = new Hub(storeOf)
  return { coordinator: () => new MemoryCoordinator(hub), agent: () => new MemoryAgent(hub) }
}
