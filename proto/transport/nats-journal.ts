// A journal on NATS: a stream to which only who knows its last message can append.
// In: messages, with the position that they are to stand behind. Out: the same, by their positions.
// Always true: what a writer of an older view appends is refused; a try that is repeated is stored once, which is seen by what
// stands there: servers do not agree on whether they look at a message's id or at what it expects first.
import type { Journal } from '../store.js'
import { StoreConflict, StoreFailure } from '../store.js'
import { subjects } from '../subjects.js'
import type { NatsLink } from './nats.js'
import {
  createStream,
  deleteStream,
  isCode,
  JETSTREAM,
  patiently,
  pause,
  type StreamInfo,
  UNRESERVED,
} from './nats-streams.js'

const CALL_MS = 2000
const RETRY_MS = 100
/** A full store, or a cluster without a leader, is waited out for so long. */
const PATIENCE_MS = 12_000

export class NatsJournal implements Journal {
  readonly #link: NatsLink
  readonly #subject: string
  readonly #stream: string
  readonly #replicas: number

  constructor(link: NatsLink, kind: 'in' | 'out', job: string, replicas: number) {
    this.#link = link
    this.#subject = subjects.journal(kind, job)
    this.#stream = subjects.journalStream(kind, job)
    this.#replicas = replicas
  }

  async create(): Promise<void> {
    await createStream(this.#link, {
      name: this.#stream,
      subject: this.#subject,
      retention: 'limits',
      replicas: this.#replicas,
      limits: [UNRESERVED],
      direct: true,
    }).catch(error => {
      throw this.#failure(error)
    })
  }

  async append(content: Uint8Array, after: number): Promise<number> {
    const untilMs = performance.now() + PATIENCE_MS
    for (let isUnsure = false; ; isUnsure = true) {
      try {
        return await this.#link.store(this.#subject, { last: after }, content, CALL_MS)
      } catch (error) {
        const isLate = performance.now() >= untilMs
        // A cluster says "yet" of what is still being stored: the answer to an earlier try is on its way.
        const isConflict =
          isCode(error, JETSTREAM.wrongLastSequence) || (isLate && isCode(error, JETSTREAM.wrongLastSequenceYet))
        if (isConflict) {
          if (isUnsure && (await this.#holds(after + 1, content))) return after + 1
          throw new StoreConflict(`${this.#stream} has another message behind ${after}`, { cause: error })
        }
        if (isLate) throw this.#failure(error)
        await (this.#link.connected ? pause(RETRY_MS) : Promise.race([this.#link.whenConnected(), pause(RETRY_MS)]))
      }
    }
  }

  async read(position: number): Promise<Uint8Array | undefined> {
    const request = new TextEncoder().encode(JSON.stringify({ seq: position }))
    return this.#patiently(async () => {
      const data = await this.#link.request(`$JS.API.DIRECT.GET.${this.#stream}`, request, CALL_MS)
      // A status alone: there is no such message, or this server does not have it yet.
      return data.length === 0 ? undefined : data
    }, undefined)
  }

  async last(): Promise<number> {
    return this.#patiently(async () => {
      const { state } = await this.#link.api<StreamInfo>(`STREAM.INFO.${this.#stream}`)
      return state.last_seq
    }, 0)
  }

  async remove(): Promise<void> {
    await deleteStream(this.#link, this.#stream).catch(error => {
      throw this.#failure(error)
    })
  }

  /** As the stream's leader knows it. */
  #holds(position: number, content: Uint8Array): Promise<boolean> {
    return this.#patiently(async () => {
      const { message } = await this.#link.api<{ message: { data?: string } }>(`STREAM.MSG.GET.${this.#stream}`, {
        seq: position,
      })
      return Buffer.compare(Buffer.from(message.data ?? '', 'base64'), content) === 0
    }, false)
  }

  #failure(cause: unknown): StoreFailure {
    return new StoreFailure(`${this.#stream}: ${(cause as Error).message}`, { cause })
  }

  /** `without`: what there is without a stream. */
  async #patiently<T>(call: () => Promise<T>, without: T): Promise<T> {
    try {
      return await patiently(this.#link, call, { seconds: PATIENCE_MS / 1000, between: () => this.#look() })
    } catch (error) {
      if (isCode(error, JETSTREAM.streamNotFound)) return without
      throw this.#failure(error)
    }
  }

  /** Where nobody hears a call there may be no stream, of which this throws. */
  async #look(): Promise<void> {
    await this.#link.api(`STREAM.INFO.${this.#stream}`).catch(error => {
      if (isCode(error, JETSTREAM.streamNotFound)) throw error
    })
  }
}
