// A job of the simulation: what its items do when they run, and what their outcomes must be. In: a seed's choice, then the
// outcomes that reach the output. Always true: an outcome that is wrong, missing, repeated or out of order throws.
import type { Outcomes } from '../../proto/outcome.js'
import type { Span } from '../../proto/shard.js'
import type { Random } from './random.js'

export type ItemKind =
  | { readonly type: 'good' }
  | { readonly type: 'undecodable' }
  /** Fails, or ends its worker, so many times, then has a value. */
  | { readonly type: 'error' | 'crash'; readonly times: number }
  /** Brings down its host. */
  | { readonly type: 'poison' }

const GOOD: ItemKind = { type: 'good' }
/** As the ledger has it: so many leases ended while the item ran are blamed on it. */
const LOSSES_BEFORE_POISON = 6

export class SimJob {
  readonly name: string
  readonly operation: 'map' | 'fold'
  readonly ordered: boolean
  readonly retries: number
  readonly shardItems: number
  readonly memoryBytes: number
  readonly timeBoxSeconds: number
  readonly paceItems: number
  /** What the coordinator takes for an item's time, and what it may do twice. */
  readonly itemSeconds: number
  spareSeconds: number
  /** Values of a report that are cut to messages of this. */
  readonly reportBytes: number
  readonly interruptSeconds: number | undefined
  readonly items: readonly { readonly kind: ItemKind; readonly seconds: number }[]
  readonly executions: number[]
  executed = 0
  /** Of each item: leases that ended while it was in their shard. */
  readonly losses: number[]
  readonly #outcomes: (number | string | undefined)[] = []
  #written = 0

  constructor(name: string, random: Random) {
    this.name = name
    this.operation = random.chance(0.2) ? 'fold' : 'map'
    this.ordered = this.operation === 'fold' || random.chance(0.6)
    this.retries = random.pick([0, 0, 1, 2, 3])
    this.shardItems = random.pick([1, 3, 6, 12])
    this.memoryBytes = random.pick([64, 256, 1e9, 1e9])
    this.timeBoxSeconds = random.pick([0.05, 0.5, 1, 10])
    this.paceItems = random.pick([1, 2, 5])
    this.reportBytes = random.pick([16, 48, 1e6])
    this.interruptSeconds = random.chance(0.05) ? random.between(0, 10) : undefined
    const count = random.whole(0, random.pick([3, 30, 60]))
    const base = random.pick([0.002, 0.02, 0.1])
    this.itemSeconds = base * random.pick([0.3, 1, 3])
    const trouble = random.pick([0, 0, 0.05, 0.2])
    const poison = random.chance(0.04) ? random.whole(0, count) : -1
    this.items = Array.from({ length: count }, (_, index) => ({
      kind: index === poison ? { type: 'poison' } : random.chance(trouble) ? this.#troubled(random) : GOOD,
      seconds: base * (random.chance(0.02) ? random.between(10, 100) : random.between(0.1, 2)),
    }))
    this.spareSeconds = random.pick([0, 0.1, 0.5]) * this.workSeconds
    this.executions = new Array(count).fill(0)
    this.losses = new Array(count).fill(0)
  }

  get count(): number {
    return this.items.length
  }

  get written(): number {
    return this.#written
  }

  get workSeconds(): number {
    return this.items.reduce((sum, { seconds }) => sum + seconds, 0)
  }

  valueOf(index: number): number {
    return index * 3 + 0.5
  }

  /** What becomes of the item when it runs now. */
  execute(index: number): 'value' | 'error' | 'crash' | 'poison' {
    this.executed++
    const times = (this.executions[index] ?? 0) + 1
    this.executions[index] = times
    const kind = this.kindOf(index)
    if (kind.type === 'error' || kind.type === 'crash') return times <= kind.times ? kind.type : 'value'
    return kind.type === 'poison' ? 'poison' : 'value'
  }

  kindOf(index: number): ItemKind {
    const item = this.items[index]
    if (item === undefined) throw new Error(`item ${index} does not exist`)
    return item.kind
  }

  lost({ start, end }: Span): void {
    for (let index = start; index < end; index++) this.losses[index] = (this.losses[index] ?? 0) + 1
  }

  write({ start, end, values, failures }: Outcomes): void {
    if (this.ordered && start !== this.#written)
      throw new Error(`[${start}, ${end}) was written where ${this.#written} comes next`)
    if (values.form === 'range' || values.form === 'i64' || values.form === 'records')
      throw new Error(`values as ${values.form}`)
    const numbers = values.form === 'json' ? [] : values.values
    if (this.operation === 'fold' && failures.length === 0) this.#checkFold({ start, end }, numbers)
    else this.#checkMap({ start, end }, numbers, failures)
    this.#written += end - start
  }

  #checkFold({ start, end }: Span, numbers: ArrayLike<number>): void {
    let sum = 0
    for (let index = start; index < end; index++) {
      sum += this.valueOf(index)
      this.#keep(index, 'folded')
    }
    if (numbers.length !== 1 || numbers[0] !== sum)
      throw new Error(`the fold of [${start}, ${end}) is ${numbers[0]}, not ${sum}`)
  }

  #checkMap({ start, end }: Span, numbers: ArrayLike<number>, failures: Outcomes['failures']): void {
    let failed = 0
    for (let index = start; index < end; index++) {
      const failure = failures[failed]?.index === index ? failures[failed++] : undefined
      const outcome = failure?.reason ?? numbers[index - start - failed]
      this.#keep(index, outcome)
      if (!this.#mayBe(index, outcome))
        throw new Error(`item ${index} (${JSON.stringify(this.kindOf(index))}) ended as ${outcome}`)
    }
    if (failed !== failures.length || numbers.length !== end - start - failed)
      throw new Error(`[${start}, ${end}) has ${numbers.length} values and ${failures.length} failures`)
  }

  #keep(index: number, outcome: number | string | undefined): void {
    if (this.#outcomes[index] !== undefined) throw new Error(`item ${index} was written twice`)
    this.#outcomes[index] = outcome ?? 'nothing'
  }

  #mayBe(index: number, outcome: number | string | undefined): boolean {
    const kind = this.kindOf(index)
    // Hosts that were lost for reasons of their own may be blamed on an item that ran there, but not so few of them.
    if (outcome === 'crash' && (this.losses[index] ?? 0) >= LOSSES_BEFORE_POISON) return true
    if (kind.type === 'good') return outcome === this.valueOf(index)
    if (kind.type === 'undecodable') return outcome === 'undecodable'
    if (kind.type === 'poison') return false
    // Each try that counts is an execution of its own, so a value that comes in time must come out.
    if (kind.times <= this.retries) return outcome === this.valueOf(index)
    return outcome === kind.type || (kind.times < Number.POSITIVE_INFINITY && outcome === this.valueOf(index))
  }

  #troubled(random: Random): ItemKind {
    const type = random.pick(['error', 'error', 'crash', 'undecodable'] as const)
    if (type === 'undecodable') return { type }
    return { type, times: random.pick([1, 2, 3, Number.POSITIVE_INFINITY]) }
  }
}
