// An agent's side of NATS: pulls tasks, stores reports, beats.
// In: tasks of work queues, broadcasts, chunks. Out: acknowledgements, reports, beats, requests.
// Always true: a task is acknowledged before it is handed over, and a pull never outlives the server's wait for that
// acknowledgement, so that a frozen agent swallows a task once at most.
import { setMaxListeners } from 'node:events'
import { subjects } from '../subjects.js'
import type { AgentTransport, ReportAddress, Subscription } from '../transport.js'
import { deferred } from './deferred.js'
import type { NatsLink, NatsMessage } from './nats.js'
import { connectNats } from './nats-connect.js'
import { NatsFailure } from './nats-failure.js'
import { ACK_WAIT_SECONDS, isCode, JETSTREAM, pause, pullBody, pullSubject } from './nats-streams.js'
import type { NatsOptions } from './url.js'

const REPORT_MS = 1000
/** While a cluster chooses a leader for the reports nobody hears them: asked again for so long, before the outbox is told. */
const UNHEARD_REPORT_MS = 3000
/** Beyond this a pull is asked for again. */
const LONGEST_PULL_SECONDS = ACK_WAIT_SECONDS - 1
/** A pull that the server turned away is not repeated at once. */
const TURNED_AWAY_MS = 200
/** Smaller asks more often while a leader is chosen, larger begins later once it is. */
const UNHEARD_MS = 100
/** How long a queue is taken to be there without a sign of it. Smaller costs look-ups, larger finds its end later. */
const KNOWN_MS = 1000
/** And one that never gave a sign. Smaller costs a look-up for each short job, larger holds room for a queue that is gone. */
const UNKNOWN_MS = 50
const ACK = new TextEncoder().encode('+ACK')

class NatsAgent implements AgentTransport {
  readonly limitBytes: number
  readonly closed: Promise<Error | undefined>
  readonly #link: NatsLink
  readonly #agent: string
  /** When a queue's last sign came. */
  readonly #known = new Map<string, number>()

  constructor(link: NatsLink, agent: string) {
    this.#link = link
    this.#agent = agent
    this.limitBytes = link.limitBytes
    this.closed = link.closed
  }

  async pull(
    job: string,
    epoch: number,
    credit: number,
    waitSeconds: number,
    onTask: (task: Uint8Array) => void,
    signal: AbortSignal,
  ): Promise<number> {
    // One signal may end the pulls of all jobs.
    setMaxListeners(0, signal)
    const stream = subjects.taskStream(job, epoch)
    const wait = Math.min(Math.max(waitSeconds, 0.1), LONGEST_PULL_SECONDS)
    if (credit <= 0 || signal.aborted) return 0
    if (!this.#link.connected && !(await this.#connectedWithin(wait, signal))) return 0
    const taken = await new Pull(this.#link, stream, credit, wait, onTask, signal, this.#known).done
    if (taken < 0) this.#known.delete(stream)
    return taken
  }

  async report(address: ReportAddress, id: string, report: Uint8Array): Promise<void> {
    const subject = subjects.report(address.job, this.#agent, address.shard, address.attempt)
    const untilMs = performance.now() + UNHEARD_REPORT_MS
    for (;;) {
      try {
        await this.#link.store(subject, { id }, report, REPORT_MS)
        return
      } catch (error) {
        const isUnheard = error instanceof NatsFailure && error.kind === 'no responders'
        if (!isUnheard || this.#link.cluster === undefined || performance.now() + UNHEARD_MS > untilMs) throw error
        await pause(UNHEARD_MS)
      }
    }
  }

  beat(message: Uint8Array): void {
    this.#link.publish(subjects.beat(this.#agent), message)
  }

  onBroadcast(handler: (message: Uint8Array) => void): Subscription {
    return this.#link.subscribe(subjects.broadcast, message => handler(message.data))
  }

  requestBlob(request: Uint8Array, timeoutSeconds: number): Promise<Uint8Array> {
    return this.#link.request(subjects.blob(this.#agent), request, timeoutSeconds * 1000)
  }

  onReconnect(handler: () => void): Subscription {
    return { close: this.#link.onReconnect(handler) }
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  async #connectedWithin(seconds: number, signal: AbortSignal): Promise<boolean> {
    const aborted = deferred<void>()
    const onAbort = (): void => aborted.resolve()
    signal.addEventListener('abort', onAbort)
    await Promise.race([this.#link.whenConnected(), pause(seconds * 1000), aborted.promise]).finally(() =>
      signal.removeEventListener('abort', onAbort),
    )
    return this.#link.connected && !signal.aborted
  }
}

/** One pull: asked for when made; `done` resolves when it has ended and nothing more will be handed over. */
class Pull {
  readonly done: Promise<number>
  #resolve!: (taken: number) => void
  readonly #link: NatsLink
  readonly #stream: string
  readonly #known: Map<string, number>
  readonly #inbox: string
  readonly #credit: number
  readonly #onTask: (task: Uint8Array) => void
  readonly #release: () => void
  readonly #subscription: { close(): void; drain(): Promise<void> }
  readonly #untilMs: number
  #taken = 0
  #ended = false

  constructor(
    link: NatsLink,
    stream: string,
    credit: number,
    waitSeconds: number,
    onTask: (task: Uint8Array) => void,
    signal: AbortSignal,
    known: Map<string, number>,
  ) {
    this.done = new Promise(resolve => {
      this.#resolve = resolve
    })
    this.#link = link
    this.#stream = stream
    this.#known = known
    this.#credit = credit
    this.#onTask = onTask
    this.#inbox = link.inbox()
    const cutShort = (): void => void this.#end('cut short')
    // The server ends the pull in time; this is for one that does not.
    const timer = setTimeout(cutShort, waitSeconds * 1000 + 300)
    signal.addEventListener('abort', cutShort)
    const offDisconnect = link.onDisconnect(cutShort)
    const knownAt = known.get(stream)
    const lookAfterMs = knownAt === undefined ? UNKNOWN_MS : Math.max(0, KNOWN_MS - (performance.now() - knownAt))
    const lookTimer = setTimeout(() => void this.#look(), lookAfterMs)
    this.#release = () => {
      clearTimeout(timer)
      clearTimeout(lookTimer)
      signal.removeEventListener('abort', cutShort)
      offDisconnect()
    }
    this.#untilMs = performance.now() + waitSeconds * 1000
    this.#subscription = link.subscribe(this.#inbox, message => this.#take(message))
    this.#ask(waitSeconds)
  }

  #ask(waitSeconds: number): void {
    const body = pullBody(this.#credit - this.#taken, waitSeconds)
    this.#link.publish(pullSubject(this.#stream, subjects.taskConsumer), body, this.#inbox)
  }

  #take(message: NatsMessage): void {
    if (message.subject === this.#inbox) {
      const { code, text } = message.status()
      if (code === 503 && this.#link.cluster !== undefined) void this.#unheard()
      else if (code === 503 || (code === 409 && /deleted/i.test(text))) void this.#end('gone')
      else if (code === 408 || code === 404) void this.#end('over')
      else if (code !== 100) void this.#end('turned away')
      return
    }
    this.#known.set(this.#stream, performance.now())
    if (message.reply) this.#link.publish(message.reply, ACK)
    this.#taken++
    if (this.#taken >= this.#credit) void this.#end('over')
    this.#onTask(message.data)
  }

  /** In a cluster nobody may hear a pull while the queue has no leader, or is too new to be known to all: it is asked for again. */
  async #unheard(): Promise<void> {
    await this.#look()
    await pause(UNHEARD_MS)
    const restMs = this.#untilMs - performance.now()
    if (this.#ended) return
    if (restMs > 0) this.#ask(restMs / 1000)
    else void this.#end('over')
  }

  /** Asks whether the queue is there: older servers do not answer a pull from one that is not. */
  async #look(): Promise<void> {
    try {
      await this.#link.api(`CONSUMER.INFO.${this.#stream}.${subjects.taskConsumer}`)
      this.#known.set(this.#stream, performance.now())
    } catch (error) {
      if (isCode(error, JETSTREAM.streamNotFound, JETSTREAM.consumerNotFound)) void this.#end('gone')
    }
  }

  async #end(how: 'over' | 'gone' | 'turned away' | 'cut short'): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#release()
    // Cut short, tasks may be under way: they are taken still, as nobody else would see them for a while.
    if (how === 'cut short' && this.#link.connected) await this.#subscription.drain()
    else this.#subscription.close()
    if (how === 'turned away') await pause(TURNED_AWAY_MS)
    this.#resolve(how === 'gone' && this.#taken === 0 ? -1 : this.#taken)
  }
}

/** Connects an agent under its name (a subject token, proto/subjects.ts). */
export const connectNatsAgent = async (options: NatsOptions & { readonly agent: string }): Promise<AgentTransport> => {
  const link = await connectNats(options, `manyhands agent ${options.agent}`, `_INBOX.a.${options.agent}`)
  return new NatsAgent(link, options.agent)
}
