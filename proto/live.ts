// Which shards live, in a form that stays small with tens of thousands of them: a bit each for those of late in their first
// attempt, which nearly all are, and the others one by one. In: shards and attempts. Out: the same.

export interface LiveShards {
  /** The shard of the lowest bit of the first byte; each set bit is a live shard, in its first attempt. */
  readonly from: number
  readonly bits: Uint8Array
  readonly others: readonly ShardAttempt[]
}

export interface ShardAttempt {
  readonly shard: number
  readonly attempt: number
}

/** A message of so many bits a live shard: more would be sent for nothing, less would name more of them one by one. */
const BITS_PER_SHARD = 16
const LEAST_BITS = 64

/** `count`: how many there are, about; `nextShard`: above all of them. */
export const packLive = (shards: Iterable<ShardAttempt>, count: number, nextShard: number): LiveShards => {
  const from = Math.max(0, nextShard - Math.max(LEAST_BITS, BITS_PER_SHARD * count))
  const bits = new Uint8Array((nextShard - from + 7) >>> 3)
  const others: ShardAttempt[] = []
  for (const { shard, attempt } of shards) {
    const at = shard - from
    if (attempt !== 1 || at < 0) others.push({ shard, attempt })
    else bits[at >>> 3] = (bits[at >>> 3] as number) | (1 << (at & 7))
  }
  return { from, bits, others }
}

/** The live shards, each with its newest attempt. */
export class LiveAttempts {
  readonly #live: LiveShards
  readonly #others: ReadonlyMap<number, number>

  constructor(live: LiveShards) {
    this.#live = live
    this.#others = new Map(live.others.map(({ shard, attempt }) => [shard, attempt]))
  }

  get(shard: number): number | undefined {
    const { from, bits } = this.#live
    const at = shard - from
    const byte = at < 0 ? 0 : (bits[Math.floor(at / 8)] ?? 0)
    return (byte & (1 << (at % 8))) !== 0 ? 1 : this.#others.get(shard)
  }
}
