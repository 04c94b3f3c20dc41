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

interface Attempt<P> extends OutboxKey {
  readonly entries: Entry<P>[]
}

interface Entry<P> {
  readonly of: Attempt<P>
  readonly sequence: number | string
  readonly payload: P
  readonly bytes: number
  readonly last: boolean
  /** How often it was stored. */
  sends: number
  state: 'waiting' | 'sending' | 'stored'
  storedAtSeconds: number
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

const isSame = (a: OutboxKey, b: OutboxKey): boolean =>
  a.attempt === b.attempt && a.job === b.job && a.epoch === b.epoch && a.shard === b.shard

const idOf = <P>({ of: { job, epoch, shard, attempt }, sequence, sends }: Entry<P>): string => {
  const id = `${job}/${epoch}/${shard}/${attempt}/${sequence}`
  return sends === 0 ? id : `${id}+${sends}`
}

export class Outbox<P> {
  /** The attempts of which something is here, by their shards: of one shard there are few. */
  readonly #attempts = new Map<number, Attempt<P>[]>()
  /** Those not known to be stored, in the order of putting: all that a send has to look through. */
  readonly #unstored = new Set<Entry<P>>()
  /** Those of them that were sent, by the ids under which they were. */
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
    return this.#find(key) !== undefined
  }

  /** The attempts of which something is here. */
  held(): OutboxKey[] {
    const held: OutboxKey[] = []
    for (const attempts of this.#attempts.values())
      for (const { job, epoch, shard, attempt } of attempts) held.push({ job, epoch, shard, attempt })
    return held
  }

  /** Of two reports with one number (an attempt that was delivered and run twice) the first one counts. */
  put(key: OutboxKey, sequence: number | string, last: boolean, payload: P, bytes: number): void {
    const of = this.#find(key) ?? this.#begin(key)
    if (of.entries.some(entry => entry.sequence === sequence)) return
    const entry: Entry<P> = { of, sequence, payload, bytes, last, sends: 0, state: 'waiting', storedAtSeconds: 0 }
    of.entries.push(entry)
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
      if (entry.state !== 'waiting') continue
      if (entry.last && !areOthersStored(entry)) continue
      if (open !== undefined && goesWith(entry, open)) {
        open.entries.push(entry)
        open.bytes += entry.bytes
      } else if (this.#sending >= MOST_SENDING) break
      else {
        this.#sending++
        open = { id: idOf(entry), entries: [entry], bytes: entry.bytes, isUnderWay: true, notBeforeSeconds: now }
        this.#letters.set(open.id, open)
        letters.push(open)
      }
      entry.state = 'sending'
    }
    return letters.map(({ id, entries }) => {
      const { job, epoch, shard, attempt } = entries[0].of
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
      entry.state = 'stored'
      entry.storedAtSeconds = now
    }
  }

  /** Puts what was stored long ago and is still not settled among what is to be sent. */
  tick(now: number): void {
    for (const attempts of this.#attempts.values())
      for (const { entries } of attempts)
        for (const entry of entries) {
          if (entry.state !== 'stored' || now - entry.storedAtSeconds < UNSETTLED_SECONDS) continue
          entry.sends++
          entry.state = 'waiting'
          this.#unstored.add(entry)
        }
  }

  /** The connection is back: what was not stored is sent at once. */
  hurry(): void {
    for (const letter of this.#letters.values()) letter.notBeforeSeconds = Number.NEGATIVE_INFINITY
  }

  /** Lets go of what nobody needs any more. */
  release(isNeeded: (key: OutboxKey) => boolean): void {
    for (const [shard, attempts] of this.#attempts) {
      const needed = attempts.filter(attempt => isNeeded(attempt))
      if (needed.length === attempts.length) continue
      for (const attempt of attempts) if (!needed.includes(attempt)) this.#forget(attempt)
      if (needed.length === 0) this.#attempts.delete(shard)
      else this.#attempts.set(shard, needed)
    }
    for (const [id, { entries }] of this.#letters)
      if (!entries.some(entry => this.#unstored.has(entry))) this.#letters.delete(id)
  }

  #find(key: OutboxKey): Attempt<P> | undefined {
    return this.#attempts.get(key.shard)?.find(attempt => isSame(attempt, key))
  }

  #begin({ job, epoch, shard, attempt }: OutboxKey): Attempt<P> {
    const begun = { job, epoch, shard, attempt, entries: [] }
    const others = this.#attempts.get(shard)
    if (others === undefined) this.#attempts.set(shard, [begun])
    else others.push(begun)
    return begun
  }

  #forget({ entries }: Attempt<P>): void {
    for (const entry of entries) {
      this.#unstored.delete(entry)
      this.#bytes -= entry.bytes
    }
  }
}

/** An attempt that was run twice has two ends: they must not wait for each other. */
const areOthersStored = <P>(end: Entry<P>): boolean =>
  end.of.entries.every(entry => entry.last || entry.state === 'stored')

const goesWith = <P>(entry: Entry<P>, { entries: [first], bytes }: Letter<P>): boolean =>
  first.of.job === entry.of.job &&
  first.bytes <= SMALL_BYTES &&
  entry.bytes <= SMALL_BYTES &&
  bytes + entry.bytes <= TOGETHER_BYTES
