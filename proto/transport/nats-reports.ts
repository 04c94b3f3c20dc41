// Reads a job's reports in the order of storing, through server restarts, lost connections and lost consumers.
// In: the report stream. Out: every report, at least once, through `onReport`; or once `onLost`, when the stream is gone.
// Always true: what is handed over next was stored after all handed over before, unless the stream itself went back to
// an older state; then everything it still has is handed over again.
import { subjects } from '../subjects.js'
import type { OnReport } from '../transport.js'
import type { NatsLink, NatsMessage, NatsSubscription } from './nats.js'
import { NatsFailure } from './nats-failure.js'
import {
  createReportConsumer,
  isCode,
  isPassing,
  JETSTREAM,
  pause,
  positionOf,
  pullBody,
  pullSubject,
  type StreamInfo,
} from './nats-streams.js'

/** Messages asked for at once. Smaller costs round trips, larger more memory: at the largest message 32 MiB. */
const BATCH = 32
const PULL_SECONDS = 30
const HEARTBEAT_SECONDS = 1
/** Neither message nor heartbeat for so long: the consumer is taken for lost. Shorter suspects a busy process. */
const SILENCE_MS = 3500

export class NatsReportReader {
  readonly #link: NatsLink
  readonly #job: string
  readonly #onReport: OnReport
  readonly #onLost: (why: string) => void
  #open = true
  #created: string
  /** The stream sequence of the newest report handled. */
  #handled = 0
  /** Ends the current consumer's reading. */
  #interrupt: () => void = () => {}

  constructor(link: NatsLink, job: string, created: string, onReport: OnReport, onLost: (why: string) => void) {
    this.#link = link
    this.#job = job
    this.#created = created
    this.#onReport = onReport
    this.#onLost = onLost
    void this.#run()
  }

  /** The stream sequence of the newest report handled, 0 when there is none. */
  get handled(): number {
    return this.#handled
  }

  close(): void {
    this.#open = false
    this.#interrupt()
  }

  async #run(): Promise<void> {
    const stream = subjects.reportStream(this.#job)
    while (this.#open) {
      try {
        await this.#link.whenConnected()
        if (!this.#open) return
        if (this.#handled > 0) await this.#lookForLoss(stream)
        const consumer = await createReportConsumer(this.#link, this.#job, this.#handled)
        if (this.#open) await this.#read(stream, consumer)
        // It would go by itself after a while, and goes with its stream when the job is over.
        if (this.#open && this.#link.connected)
          void this.#link.api(`CONSUMER.DELETE.${stream}.${consumer}`).catch(() => {})
      } catch (error) {
        if (error instanceof NatsFailure && error.kind === 'closed') return
        if (!this.#open || !this.#link.connected) continue
        if (isCode(error, JETSTREAM.streamNotFound)) return this.#lose('the reports are gone from the NATS server')
        if (!isPassing(error)) return this.#lose(`the reports cannot be read: ${(error as Error).message}`)
        await pause(200)
      }
    }
  }

  #lose(why: string): void {
    if (!this.#open) return
    this.#open = false
    this.#onLost(why)
  }

  /** A stream that was made anew, or has lost its newest messages, is read from its start. */
  async #lookForLoss(stream: string): Promise<void> {
    const info = await this.#link.api<StreamInfo>(`STREAM.INFO.${stream}`)
    if (info.created !== this.#created || info.state.last_seq < this.#handled) this.#handled = 0
    this.#created = info.created
  }

  /** Resolves when this consumer's reading has ended, for whatever reason. */
  #read(stream: string, consumer: string): Promise<void> {
    return new Promise(resolve => {
      const inbox = this.#link.inbox()
      let lastDelivery = 0
      let asked = 0
      let heard = performance.now()
      const ask = (): void => {
        const more = BATCH - asked
        asked += more
        this.#link.publish(pullSubject(stream, consumer), pullBody(more, PULL_SECONDS, HEARTBEAT_SECONDS), inbox)
      }
      const take = (message: NatsMessage): void => {
        heard = performance.now()
        if (message.subject === inbox) {
          const { code, pending } = message.status()
          if (code === 100) return
          if (code === 408) {
            asked -= pending
            ask()
          } else end()
          return
        }
        const { sequence, delivery } = positionOf(message.reply ?? '')
        // One was lost on the way.
        if (delivery !== lastDelivery + 1) {
          end()
          return
        }
        lastDelivery = delivery
        asked--
        this.#onReport(message.data, sequence)
        this.#handled = sequence
        if (asked <= BATCH / 2 && !ended) ask()
      }
      let ended = false
      const end = (): void => {
        if (ended) return
        ended = true
        clearInterval(watchdog)
        offDisconnect()
        subscription.close()
        resolve()
      }
      const subscription: NatsSubscription = this.#link.subscribe(inbox, take)
      const watchdog = setInterval(() => {
        // Once more after the event loop has read what waited: a busy process is not a silent server.
        if (performance.now() - heard > SILENCE_MS) setImmediate(() => performance.now() - heard > SILENCE_MS && end())
      }, 500)
      const offDisconnect = this.#link.onDisconnect(end)
      this.#interrupt = end
      ask()
    })
  }
}
