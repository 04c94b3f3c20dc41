// Keys with revisions on NATS, laid out as its own key-value buckets are, so that `nats kv` shows them.
// In: keys, values, the revisions that they are to replace. Out: entries; StoreConflict, StoreFailure.
// Always true: every call may be repeated, and is while nothing was heard of it; reads are answered by the stream's leader.
import type { Bucket, Entry } from '../store.js'
import { StoreConflict, StoreFailure } from '../store.js'
import { subjects } from '../subjects.js'
import type { Subscription } from '../transport.js'
import type { NatsLink } from './nats.js'
import type { NatsFailure } from './nats-failure.js'
import { createStream, isCode, JETSTREAM, NANOS, patiently, type StreamInfo, UNRESERVED } from './nats-streams.js'

const CALL_MS = 1000
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
    return this.#patiently(() => this.#get(key))
  }

  async put(key: string, value: Uint8Array, expected: number, patienceSeconds = PATIENCE_SECONDS): Promise<number> {
    let isUnsure = false
    return this.#patiently(async () => {
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
    }, patienceSeconds)
  }

  async delete(key: string): Promise<void> {
    // A purge by filter, which work queues do not survive, but what nobody consumes does.
    await this.#patiently(() => this.#link.api(`STREAM.PURGE.${this.#stream}`, { filter: this.#subject(key) }))
  }

  async keys(): Promise<ReadonlySet<string>> {
    const filter = subjects.keys(this.#spec.name)
    const { state } = await this.#patiently(() =>
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

  async #patiently<T>(call: () => Promise<T>, seconds = PATIENCE_SECONDS): Promise<T> {
    try {
      return await patiently(this.#link, call, {
        codes: [JETSTREAM.streamNotFound],
        seconds,
        between: error => this.#makeAnew(error),
      })
    } catch (error) {
      if (error instanceof StoreConflict) throw error
      throw new StoreFailure(`what is kept in NATS cannot be had: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Where the server's store was wiped there is no bucket any more. */
  async #makeAnew(error: NatsFailure): Promise<void> {
    const isGone = isCode(error, JETSTREAM.streamNotFound) || error.kind === 'no responders'
    if (isGone) await this.create().catch(() => {})
  }
}
