// Reports on their way: each is kept until it is stored by the transport *and* its shard is settled, because a client
// drops silently what is published while it is disconnected, and any suffix of what was stored may vanish. A pure machine.
// In: reports, what became of each send, the passing of time. Out: sends.
// Always true: an attempt's last report is sent when the others are stored, so that it cannot overtake them; what is sent as one
// is sent again as one.

export interface OutboxKey {
  readonly job: string
  readonly epoch: number
  readonly shard: number
  readonly attempt: number
}

interface Entry<P> extends OutboxKey {
  readonly id: string
  readonly payload: P
  readonly bytes: number
  readonly last: boolean
  /** How often it was stored. */
  sends: number
  state:
    | { readonly type: 'waiting' }
    | { readonly type: 'sending' }
    | { readonly type: 'stored'; readonly atSeconds: number }
}

/** What is sent as one: it stays together until it is stored, so that a repeated send of it has the same id and content. */
interface Letter<P> {
  readonly id: string
  readonly entries: [Entry<P>, ...Entry<P>[]]
  bytes: number
  isUnderWay: boolean
  notBeforeSeconds: number
}

/** Several reports are of one job; the address is the first one's. `id` names the send: a repeated one has the same. */
export interface Send<P> extends OutboxKey {
  readonly id: string
  readonly payloads: readonly P[]
}

/** Stored and still not settled after this long: what was stored may be gone, so it is stored again under a new id. */
const UNSETTLED_SECONDS = 5
const RETRY_SECONDS = 0.2
/** Sends under way at once. Smaller: the round trip shows. Larger: more memory in the client's buffers. */
const MOST_SENDING = 16
/** Reports up to this size that are ready at once are one send: storing a small one costs a server as much as storing many. */
const SMALL_BYTES = 4096
/** Larger: the first of them waits longer to be read. */
const TOGETHER_BYTES = 64 * 1024

const sendIdOf = <P>(entry: Entry<P>): string => (entry.sends === 0 ? entry.id : `${entry.id}+${entry.sends}`)

const nameOf = ({ job, epoch, shard, attempt }: OutboxKey): string => `${job}/${epoch}/${shard}/${attempt}`

export class Outbox<P> {
  readonly #entries = new Map<string, Entry<P>>()
  /** How many of them each attempt has. */
  readonly #attempts = new Map<string, OutboxKey & { entries: number }>()
  /** Those not known to be stored, in the order of putting: all that a send has to look through. */
  readonly #unstored = new Set<Entry<P>>()
  /** Those of them that were sent, by their ids. */
  readonly #letters = new Map<string, Letter<P>>()
  #bytes = 0
  #sending = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Nothing waits to be stored. */
  get isStored(): boolean {
    return this.#unstored.size === 0
  }

  holds(key: OutboxKey): boolean {
    return this.#attempts.has(nameOf(key))
  }

  /** The attempts of which something is here. */
  held(): OutboxKey[] {
    return Array.from(this.#attempts.values(), ({ job, epoch, shard, attempt }) => ({ job, epoch, shard, attempt }))
  }

  /** Of two reports with one number (an attempt that was delivered and run twice) the first one counts. */
  put(key: OutboxKey, sequence: number | string, last: boolean, payload: P, bytes: number): void {
    const { job, epoch, shard, attempt } = key
    const name = nameOf(key)
    const id = `${name}/${sequence}`
    if (this.#entries.has(id)) return
    const known = this.#attempts.get(name)
    if (known === undefined) this.#attempts.set(name, { job, epoch, shard, attempt, entries: 1 })
    else known.entries++
    const state = { type: 'waiting' } as const
    const entry: Entry<P> = { job, epoch, shard, attempt, id, payload, bytes, last, sends: 0, state }
    this.#entries.set(id, entry)
    this.#unstored.add(entry)
    this.#bytes += bytes
  }

  /** What is to be sent now. */
  next(now: number): Send<P>[] {
    const letters: Letter<P>[] = []
    for (const letter of this.#letters.values()) {
      if (this.#sending >= MOST_SENDING) break
      if (letter.isUnderWay || now < letter.notBeforeSeconds) continue
      letter.isUnderWay = true
      this.#sending++
      letters.push(letter)
    }
    let open: Letter<P> | undefined
    for (const entry of this.#unstored) {
      if (entry.state.type !== 'waiting') continue
      if (entry.last && !this.#othersStored(entry)) continue
      if (open !== undefined && goesWith(entry, open)) {
        open.entries.push(entry)
        open.bytes += entry.bytes
      } else if (this.#sending >= MOST_SENDING) break
      else {
        this.#sending++
        open = { id: sendIdOf(entry), entries: [entry], bytes: entry.bytes, isUnderWay: true, notBeforeSeconds: now }
        this.#letters.set(open.id, open)
        letters.push(open)
      }
      entry.state = { type: 'sending' }
    }
    return letters.map(({ id, entries }) => {
      const [{ job, epoch, shard, attempt }] = entries
      return { id, job, epoch, shard, attempt, payloads: entries.map(({ payload }) => payload) }
    })
  }

  sent(sendId: string, stored: boolean, now: number): void {
    this.#sending--
    const letter = this.#letters.get(sendId)
    if (letter === undefined) return
    letter.isUnderWay = false
    letter.notBeforeSeconds = now + RETRY_SECONDS
    if (!stored) return
    this.#letters.delete(sendId)
    for (const entry of letter.entries) {
      this.#unstored.delete(entry)
      entry.state = { type: 'stored', atSeconds: now }
    }
  }

  /** Puts what was stored long ago and is still not settled among what is to be sent. */
  tick(now: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.state.type !== 'stored' || now - entry.state.atSeconds < UNSETTLED_SECONDS) continue
      entry.sends++
      entry.state = { type: 'waiting' }
      this.#unstored.add(entry)
    }
  }

  /** The connection is back: what was not stored is sent at once. */
  hurry(): void {
    for (const letter of this.#letters.values()) letter.notBeforeSeconds = Number.NEGATIVE_INFINITY
  }

  /** Lets go of what nobody needs any more. */
  release(isNeeded: (key: OutboxKey) => boolean): void {
    for (const [id, entry] of this.#entries) {
      if (isNeeded(entry)) continue
      this.#entries.delete(id)
      this.#unstored.delete(entry)
      this.#bytes -= entry.bytes
      const name = nameOf(entry)
      const attempt = this.#attempts.get(name)
      if (attempt !== undefined && --attempt.entries === 0) this.#attempts.delete(name)
    }
    for (const [id, { entries }] of this.#letters)
      if (!entries.some(entry => this.#unstored.has(entry))) this.#letters.delete(id)
  }

  #othersStored(last: Entry<P>): boolean {
    if (this.#attempts.get(nameOf(last))?.entries === 1) return true
    for (const entry of this.#unstored) {
      // An attempt that was run twice has two ends: they must not wait for each other.
      if (entry.last) continue
      if (
        entry.shard === last.shard &&
        entry.attempt === last.attempt &&
        entry.job === last.job &&
        entry.epoch === last.epoch
      )
        return false
    }
    return true
  }
}

const goesWith = <P>(entry: Entry<P>, { entries: [first], bytes }: Letter<P>): boolean =>
  first.job === entry.job &&
  first.bytes <= SMALL_BYTES &&
  entry.bytes <= SMALL_BYTES &&
  bytes + entry.bytes <= TOGETHER_BYTES
