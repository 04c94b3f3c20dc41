// One job and epoch on NATS: its work queue, its reports, and the watch over both.
// In: offers. Out: reports, and `lost` with why, once the server has lost the queue, its consumer or the reports.
// Always true: after `lost` or close nothing is read or offered any more; after `lost` the reports are the next epoch's.
import type { Log } from '../log.js'
import { subjects } from '../subjects.js'
import type { JobChannel, OnReport } from '../transport.js'
import { deferred } from './deferred.js'
import type { NatsLink } from './nats.js'
import { NatsFailure } from './nats-failure.js'
import { NatsReportReader } from './nats-reports.js'
import { NatsSilence } from './nats-silence.js'
import {
  type ConsumerInfo,
  deleteStream,
  isCode,
  isPassing,
  JETSTREAM,
  pause,
  type StreamInfo,
} from './nats-streams.js'

const OFFER_MS = 1000
/** How often the queue is looked at. Smaller finds a loss sooner, larger spares the server of many jobs. */
const CHECK_MS = 3000
const TRIM_MS = 1000
/**
 * A server answers the calls of one connection one after the other, and a deletion takes it some milliseconds. Smaller: the
 * next job's first tasks stand behind it. Larger: whoever ends waits for it.
 */
const DELETE_AFTER_MS = 5

export interface NatsJobOptions {
  readonly link: NatsLink
  readonly job: string
  readonly epoch: number
  readonly reportsCreated: string
  readonly log: Log
  readonly onReport: OnReport
  readonly onEnd: () => void
}

export class NatsJob implements JobChannel {
  readonly lost: Promise<string>
  readonly #resolveLost: (why: string) => void
  readonly #link: NatsLink
  readonly #job: string
  readonly #epoch: number
  readonly #stream: string
  readonly #reader: NatsReportReader
  readonly #silence: NatsSilence
  readonly #onEnd: () => void
  readonly #timer: NodeJS.Timeout
  readonly #offReconnect: () => void
  #state: 'open' | 'lost' | 'detached' | 'closed' = 'open'
  #newest = 0
  #checking: Promise<void> | undefined
  #trimTimer: NodeJS.Timeout | undefined
  /** Reports up to here are not needed, and up to there they are deleted. */
  #trimTarget = 0
  #trimmed = 0
  #deletion: Promise<void> | undefined

  constructor({ link, job, epoch, reportsCreated, log, onReport, onEnd }: NatsJobOptions) {
    const { promise, resolve } = deferred<string>()
    this.lost = promise
    this.#resolveLost = resolve
    this.#link = link
    this.#job = job
    this.#epoch = epoch
    this.#stream = subjects.taskStream(job, epoch)
    this.#onEnd = onEnd
    this.#reader = new NatsReportReader(link, job, reportsCreated, onReport, why => this.#lose(why))
    this.#silence = new NatsSilence(link.cluster !== undefined, log, why => this.#lose(why))
    this.#timer = setInterval(() => void this.#check(), CHECK_MS)
    this.#offReconnect = link.onReconnect(() => {
      this.#silence.restart()
      void this.#check()
    })
    void link.closed.then(() => this.detach())
  }

  async offer(id: string, task: Uint8Array): Promise<void> {
    for (;;) {
      if (this.#state !== 'open')
        throw new Error(`the queue of job ${this.#job}, epoch ${this.#epoch}, is ${this.#state}`)
      try {
        const sequence = await this.#link.store(subjects.task(this.#job, this.#epoch), { id }, task, OFFER_MS)
        this.#newest = Math.max(this.#newest, sequence)
        this.#silence.over()
        return
      } catch (error) {
        await this.#afterRefusedOffer(error)
      }
    }
  }

  /** Returns when the offer may be tried again. */
  async #afterRefusedOffer(error: unknown): Promise<void> {
    if (!(error instanceof NatsFailure)) throw error
    if (error.kind === 'closed') throw error
    // A verdict (the queue is full, the store is full) is waited out: agents make room.
    if (error.kind === 'disconnected') return this.#link.whenConnected()
    if (error.kind === 'timeout') this.#silence.missed(error)
    else await this.#check()
    await pause(100)
  }

  trim(position: number): void {
    if (this.#state !== 'open') return
    this.#trimTarget = Math.min(position, this.#reader.handled)
    // The stream was made anew: its numbers begin again.
    if (this.#trimTarget < this.#trimmed) this.#trimmed = 0
    if (this.#trimTarget > this.#trimmed) this.#trimTimer ??= setTimeout(() => void this.#purge(), TRIM_MS)
  }

  close(keep?: 'reports'): Promise<void> {
    this.#deletion ??= this.#delete(keep)
    return this.#deletion
  }

  /** Stops reading and offering; all stays on the server. */
  detach(): void {
    this.#stop('detached')
  }

  async #delete(keep: 'reports' | undefined): Promise<void> {
    const ownsReports = this.#state === 'open' && keep === undefined
    const reachable = this.#state !== 'detached'
    this.#stop('closed')
    if (!reachable) return
    await pause(DELETE_AFTER_MS)
    const streams = ownsReports ? [this.#stream, subjects.reportStream(this.#job)] : [this.#stream]
    await Promise.all(streams.map(stream => deleteStream(this.#link, stream)))
  }

  #stop(state: 'lost' | 'detached' | 'closed'): void {
    if (this.#state !== 'open') {
      if (state !== 'lost') this.#state = state
      return
    }
    this.#state = state
    clearInterval(this.#timer)
    clearTimeout(this.#trimTimer)
    this.#offReconnect()
    this.#reader.close()
    this.#onEnd()
  }

  #lose(why: string): void {
    if (this.#state !== 'open') return
    this.#stop('lost')
    this.#resolveLost(why)
  }

  /** Looks whether the queue is still what it was; one look at a time. */
  #check(): Promise<void> {
    this.#checking ??= this.#look().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  async #look(): Promise<void> {
    if (!this.#link.connected || this.#state !== 'open') return
    const newest = this.#newest
    try {
      const consumer = await this.#link.api<ConsumerInfo>(`CONSUMER.INFO.${this.#stream}.${subjects.taskConsumer}`)
      // The stream last: it is ahead of whatever was acknowledged or delivered before it was asked.
      const { state } = await this.#led(this.#stream)
      if (this.#link.cluster !== undefined) await this.#lookAtReports()
      this.#silence.over()
      // After a power cut a stream can be older than its consumer, which would then skip all that is offered next.
      if (state.last_seq < newest || consumer.delivered.stream_seq > state.last_seq)
        this.#lose('the NATS server has lost the newest tasks of the queue')
    } catch (error) {
      if (isCode(error, JETSTREAM.streamNotFound)) this.#lose('the queue is gone from the NATS server')
      else if (isCode(error, JETSTREAM.consumerNotFound))
        this.#lose("the queue's consumer is gone from the NATS server")
      else if (isPassing(error) && this.#link.connected) this.#silence.missed(error as Error)
    }
  }

  /** Whether they can be stored: of their loss the reader tells. */
  async #lookAtReports(): Promise<void> {
    await this.#led(subjects.reportStream(this.#job)).catch(error => {
      if (!isCode(error, JETSTREAM.streamNotFound)) throw error
    })
  }

  /** What a stream's leader knows of it: of servers without one each answers for itself, and none stores. */
  async #led(stream: string): Promise<StreamInfo> {
    const info = await this.#link.api<StreamInfo>(`STREAM.INFO.${stream}`)
    const { leader, replicas = [] } = info.cluster ?? {}
    if (replicas.length > 0 && !leader) throw new NatsFailure('no responders', `${stream} has no leader`)
    return info
  }

  async #purge(): Promise<void> {
    const handled = Math.min(this.#trimTarget, this.#reader.handled)
    // By sequence and never by filter: a filter would strand what it does not name (server 2.9.10).
    const done = this.#link.api(`STREAM.PURGE.${subjects.reportStream(this.#job)}`, { seq: handled + 1 })
    await done.then(
      () => {
        this.#trimmed = handled
      },
      () => {},
    )
    this.#trimTimer = undefined
  }
}
