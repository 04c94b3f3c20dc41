// Keys with revisions on NATS, laid out as its own key-value buckets are, so that `nats kv` shows them.
// In: keys, values, the revisions that they are to replace. Out: entries; StoreConflict, StoreFailure.
// Always true: every call may be repeated, and is while nothing was heard of it; reads are answered by the stream's leader.
import type { Bucket, Entry } from '../store.js'
import { StoreConflict, StoreFailure } from '../store.js'
import { subjects } from '../subjects.js'
import type { Subscription } from '../transport.js'
import type { NatsLink } from './nats.js'
import {
  createStream,
  isCode,
  isPassing,
  JETSTREAM,
  NANOS,
  pause,
  type StreamInfo,
  UNRESERVED,
} from './nats-streams.js'

const CALL_MS = 1000
const RETRY_MS = 100
/** Smaller gives up while a cluster chooses a leader, larger holds callers while nothing is stored. */
const PATIENCE_SECONDS = 12

export interface BucketSpec {
  readonly name: string
  readonly replicas: number
  readonly ageSeconds?: number
}

export class NatsBucket implements Bucket {
  readonly #link: NatsLink
  readonly #spec: BucketSpec
  readonly #stream: string
  #ageSeconds = 0

  constructor(link: NatsLink, spec: BucketSpec) {
    this.#link = link
    this.#spec = spec
    this.#stream = subjects.bucketStream(spec.name)
  }

  /** As the first of all daemons has made it. */
  get ageSeconds(): number {
    return this.#ageSeconds
  }

  async create(): Promise<void> {
    const { name, replicas, ageSeconds } = this.#spec
    const info = await createStream(this.#link, {
      name: this.#stream,
      subject: subjects.keys(name),
      retention: 'limits',
      replicas,
      limits: [UNRESERVED],
      mostPerSubject: 1,
      ...(ageSeconds !== undefined && { ageSeconds }),
    })
    this.#ageSeconds = (info.config?.max_age ?? 0) / NANOS
  }

  get(key: string): Promise<Entry | undefined> {
    return this.#patiently(PATIENCE_SECONDS, () => this.#get(key))
  }

  async put(key: string, value: Uint8Array, expected: number, patienceSeconds = PATIENCE_SECONDS): Promise<number> {
    let isUnsure = false
    return this.#patiently(patienceSeconds, async () => {
      try {
        return await this.#link.store(this.#subject(key), { lastOfSubject: expected }, value, CALL_MS)
      } catch (error) {
        if (isCode(error, JETSTREAM.wrongLastSequence, JETSTREAM.wrongLastSequenceYet)) {
          const there = isUnsure ? await this.#get(key) : undefined
          if (there !== undefined && there.revision > expected && Buffer.compare(there.value, value) === 0)
            return there.revision
          throw new StoreConflict(`${key} is not what it was at revision ${expected}`, { cause: error })
        }
        isUnsure = true
        throw error
      }
    })
  }

  async delete(key: string): Promise<void> {
    // A purge by filter, which work queues do not survive, but what nobody consumes does.
    await this.#patiently(PATIENCE_SECONDS, () =>
      this.#link.api(`STREAM.PURGE.${this.#stream}`, { filter: this.#subject(key) }),
    )
  }

  async keys(): Promise<ReadonlySet<string>> {
    const filter = subjects.keys(this.#spec.name)
    const { state } = await this.#patiently(PATIENCE_SECONDS, () =>
      this.#link.api<StreamInfo>(`STREAM.INFO.${this.#stream}`, { subjects_filter: filter }),
    )
    return new Set(Object.keys(state.subjects ?? {}).map(subject => this.#keyOf(subject)))
  }

  onPut(handler: (key: string) => void): Subscription {
    return this.#link.subscribe(subjects.keys(this.#spec.name), message => handler(this.#keyOf(message.subject)))
  }

  #subject(key: string): string {
    return subjects.key(this.#spec.name, ...key.split('.'))
  }

  #keyOf(subject: string): string {
    return subject.slice(subjects.keys(this.#spec.name).length - 1)
  }

  async #get(key: string): Promise<Entry | undefined> {
    try {
      const { message } = await this.#link.api<{ message: { seq: number; data?: string } }>(
        `STREAM.MSG.GET.${this.#stream}`,
        { last_by_subj: this.#subject(key) },
      )
      return { value: Buffer.from(message.data ?? '', 'base64'), revision: message.seq }
    } catch (error) {
      if (isCode(error, JETSTREAM.messageNotFound)) return undefined
      throw error
    }
  }

  async #patiently<T>(seconds: number, call: () => Promise<T>): Promise<T> {
    const untilMs = performance.now() + seconds * 1000
    for (;;) {
      try {
        return await call()
      } catch (error) {
        const isGone = isCode(error, JETSTREAM.streamNotFound)
        if (error instanceof StoreConflict) throw error
        if ((!isPassing(error) && !isGone) || performance.now() >= untilMs)
          throw new StoreFailure(`what is kept in NATS cannot be had: ${(error as Error).message}`, { cause: error })
        // A store that was wiped is made anew.
        if (this.#link.connected) await this.create().catch(() => {})
        await (this.#link.connected
          ? pause(RETRY_MS)
          : Promise.race([this.#link.whenConnected(), pause(Math.max(0, untilMs - performance.now()))]))
      }
    }
  }
}
