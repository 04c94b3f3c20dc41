// One connection to a NATS server: it and nats-connect.ts, which makes it, know the client library.
// In: an address; then messages to publish, requests, subscriptions. Out: messages, acknowledgements, or a NatsFailure.
// Always true: nothing is published while the connection is down (the library would drop it without a word), a request
// in flight fails the moment the connection is lost, and a request that cannot be answered ends in its own time. What is
// published while the event loop reads what came goes out in one write: a write costs more than all else of a message.
import { createInbox, headers, type Msg, type NatsConnection, type PublishOptions } from 'nats'
import { type Deferred, deferred } from './deferred.js'
import { guarded, tooLarge } from './guard.js'
import { NatsFailure, parseAnswer } from './nats-failure.js'
import { NatsRequests } from './nats-requests.js'

export interface NatsMessage {
  readonly subject: string
  readonly reply?: string | undefined
  readonly data: Uint8Array
  /** The code and text of a message that is only a header (a status), 0 for any other: read it of statuses only. */
  readonly status: () => { readonly code: number; readonly text: string; readonly pending: number }
}

export interface NatsSubscription {
  close(): void
  /** Takes nothing more, and resolves when what was under way has been handled (or after a second at most). */
  drain(): Promise<void>
}

interface Outgoing {
  readonly subject: string
  readonly data: Uint8Array
  readonly reply?: string | undefined
  readonly conditions?: StoreConditions | undefined
  /** Of a request. */
  readonly token?: string
}

/** What a stream holds a message to before it takes it. */
export interface StoreConditions {
  /** Makes a repeated publish harmless, for a while. */
  readonly id?: string
  /** The sequence number of its newest message. */
  readonly last?: number
  /** The same of its newest message on this subject; 0: there is none. */
  readonly lastOfSubject?: number
}

/** Room for the header that carries an id, which counts as payload. */
const HEADROOM_BYTES = 1024

const encoder = new TextEncoder()

export class NatsLink {
  readonly limitBytes: number
  readonly serverVersion: string
  /** Resolves when the connection has ended for good, with why, or with undefined after close(). */
  readonly closed: Promise<Error | undefined>
  readonly #connection: NatsConnection
  readonly #inboxPrefix: string
  readonly #requests = new NatsRequests(() => (this.#lastRefusal ? ` (the server said: ${this.#lastRefusal})` : ''))
  /** Where answers come, before their tokens; empty until something was asked. */
  #answers = ''
  #outgoing: Outgoing[] = []
  readonly #onDisconnect = new Set<() => void>()
  readonly #onReconnect = new Set<() => void>()
  #connected = true
  #back: Deferred<void> = deferred()
  /** What the server last refused, such as a missing permission: it explains a timeout. */
  #lastRefusal = ''

  constructor(connection: NatsConnection, inboxPrefix: string) {
    this.#connection = connection
    this.#inboxPrefix = inboxPrefix
    this.limitBytes = (connection.info?.max_payload ?? 1024 * 1024) - HEADROOM_BYTES
    this.serverVersion = connection.info?.version ?? 'unknown'
    this.#back.resolve()
    this.closed = connection.closed().then(error => {
      this.#down('closed', 'the connection to NATS is closed')
      this.#back.reject(new NatsFailure('closed', 'the connection to NATS is closed'))
      return error ?? undefined
    })
    void this.#follow()
  }

  /** The name of the cluster that the server belongs to; undefined of a single server. */
  get cluster(): string | undefined {
    return this.#connection.info?.cluster
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Resolves at once while the connection is up; rejects when it has ended for good. */
  whenConnected(): Promise<void> {
    return this.#back.promise
  }

  onDisconnect(handler: () => void): () => void {
    this.#onDisconnect.add(handler)
    return () => this.#onDisconnect.delete(handler)
  }

  onReconnect(handler: () => void): () => void {
    this.#onReconnect.add(handler)
    return () => this.#onReconnect.delete(handler)
  }

  /** A subject for answers, within what this side may subscribe to. */
  inbox(): string {
    return createInbox(this.#inboxPrefix)
  }

  /** Sends, or drops while the connection is down. */
  publish(subject: string, data: Uint8Array | string, reply?: string): void {
    if (!this.#connected) return
    const bytes = typeof data === 'string' ? encoder.encode(data) : data
    if (bytes.length > this.limitBytes) throw tooLarge(bytes.length, this.limitBytes)
    this.#send({ subject, data: bytes, reply })
  }

  subscribe(subject: string, handler: (message: NatsMessage) => void): NatsSubscription {
    const handle = guarded((message: Msg) => handler(readable(message)))
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) this.#lastRefusal = error.message
        else handle(message)
      },
    })
    return {
      close: () => subscription.unsubscribe(),
      drain: async () => {
        if (subscription.isClosed() || this.#connection.isClosed()) return
        // What is answered here is asked before nobody listens.
        this.#flush()
        let timer: NodeJS.Timeout | undefined
        const late = new Promise<void>(resolve => {
          timer = setTimeout(resolve, 1000)
        })
        await Promise.race([subscription.drain().catch(() => {}), late])
        clearTimeout(timer)
        if (!subscription.isClosed()) subscription.unsubscribe()
      },
    }
  }

  request(subject: string, data: Uint8Array, timeoutMs: number, conditions?: StoreConditions): Promise<Uint8Array> {
    if (!this.#connected) return Promise.reject(new NatsFailure('disconnected', 'there is no connection to NATS'))
    if (data.length > this.limitBytes) return Promise.reject(tooLarge(data.length, this.limitBytes))
    if (this.#answers === '') this.#listen()
    const { token, answer } = this.#requests.add(subject, timeoutMs)
    this.#send({ subject, data, reply: this.#answers + token, conditions, token })
    return answer
  }

  /** Stores a message in the stream that listens on `subject`; resolves with its sequence number there. */
  async store(subject: string, conditions: StoreConditions, data: Uint8Array, timeoutMs: number): Promise<number> {
    const answer = parseAnswer<{ seq: number }>(subject, await this.request(subject, data, timeoutMs, conditions))
    return answer.seq
  }

  /** One call of the JetStream API (https://docs.nats.io/reference/reference-protocols/nats_api_reference). */
  async api<T>(call: string, body?: object, timeoutMs = 2000): Promise<T> {
    const data = body ? encoder.encode(JSON.stringify(body)) : new Uint8Array()
    return parseAnswer<T>(call, await this.request(`$JS.API.${call}`, data, timeoutMs))
  }

  /** Rejects when the server does not let this side hear its own answers. */
  async verify(): Promise<void> {
    const probe = this.subscribe(this.inbox(), () => {})
    await this.#connection.flush()
    probe.close()
    if (this.#lastRefusal) throw new Error(`the NATS server does not let it listen on its inbox: ${this.#lastRefusal}`)
  }

  async close(): Promise<void> {
    // What was published in this turn is still to leave.
    this.#flush()
    if (this.#connected && !this.#connection.isClosed()) {
      const flushed = this.#connection.flush().catch(() => {})
      await Promise.race([flushed, new Promise(resolve => setTimeout(resolve, 500).unref())])
    }
    await this.#connection.close()
    await this.closed
  }

  #listen(): void {
    const prefix = `${this.inbox()}.`
    this.#answers = prefix
    this.#connection.subscribe(`${prefix}*`, {
      callback: (error, message) => {
        if (error) {
          this.#lastRefusal = error.message
          return
        }
        const token = message.subject.slice(prefix.length)
        if (message.data.length === 0 && message.headers?.code === 503) this.#requests.unheard(token)
        else this.#requests.answered(token, message.data)
      },
    })
  }

  #send(message: Outgoing): void {
    if (this.#outgoing.push(message) === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    const due = this.#outgoing
    if (due.length === 0) return
    this.#outgoing = []
    if (!this.#connected || this.#connection.isClosed()) return
    for (const { subject, data, reply, conditions, token } of due) {
      try {
        const options: PublishOptions = {}
        if (reply !== undefined) options.reply = reply
        if (conditions !== undefined) options.headers = headersOf(conditions)
        this.#connection.publish(subject, data, options)
      } catch (error) {
        // The library's own refusal, as of what a server that came back takes no more: the others go on.
        this.#lastRefusal = (error as Error).message
        if (token !== undefined) this.#requests.refused(token, this.#lastRefusal)
      }
    }
  }

  #down(kind: 'disconnected' | 'closed', message: string): void {
    if (this.#connected) this.#back = deferred()
    // Nobody may be waiting for it.
    this.#back.promise.catch(() => {})
    this.#connected = false
    this.#requests.fail(kind, message)
    for (const handler of [...this.#onDisconnect]) handler()
  }

  async #follow(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect' || status.type === 'staleConnection')
        this.#down('disconnected', 'the connection to NATS was lost')
      else if (status.type === 'error') this.#lastRefusal = String(status.data)
      else if (status.type === 'reconnect') {
        this.#connected = true
        this.#back.resolve()
        for (const handler of [...this.#onReconnect]) handler()
      }
    }
  }
}

const headersOf = ({ id, last, lastOfSubject }: StoreConditions) => {
  const map = headers()
  if (id !== undefined) map.set('Nats-Msg-Id', id)
  if (last !== undefined) map.set('Nats-Expected-Last-Sequence', String(last))
  if (lastOfSubject !== undefined) map.set('Nats-Expected-Last-Subject-Sequence', String(lastOfSubject))
  return map
}

const readable = (message: Msg): NatsMessage => ({
  subject: message.subject,
  reply: message.reply || undefined,
  data: message.data,
  status: () => ({
    code: message.headers?.code ?? 0,
    text: message.headers?.description ?? '',
    pending: Number(message.headers?.get('Nats-Pending-Messages') || 0),
  }),
})
