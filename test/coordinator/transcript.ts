// Plays of the ledger as text. In: events, in words of the field. Out: lines that a person can read, each event with its
// effects under it. Always true: what the ledger did stands in the text, all of it, and nothing that it did not.
import { Ledger, type LedgerEffect, type LedgerEvent, type LedgerOptions } from '../../coordinator/ledger.js'
import { LedgerWatch } from './ledger-watch.js'

type Report = Extract<LedgerEvent, { type: 'report' }>

const span = ({ start, end }: { readonly start: number; readonly end: number }): string => `[${start}, ${end})`

const sayEffect = (effect: LedgerEffect): string => {
  switch (effect.type) {
    case 'offer':
      return `offer shard ${effect.shard}, attempt ${effect.attempt}: items ${span(effect)}${effect.careful ? ', carefully' : ''}`
    case 'settled':
      return `settled ${span(effect)}`
    case 'known':
      return `${span(effect)} were settled before`
    case 'taken':
      return `the caller takes ${span(effect)}`
    case 'unused':
      return `unused: ${effect.items} (${effect.why})`
    case 'lost':
      return `lost shard ${effect.shard}, attempt ${effect.attempt}${effect.agent ? ` of ${effect.agent}` : ''}: ${effect.why}`
    case 'shortened':
      return `shard ${effect.shard} ends at ${effect.end} now`
    case 'recall':
      return `recall shard ${effect.shard}, attempt ${effect.attempt} (${effect.restSeconds.toFixed(1)} s left)`
    case 'doubted':
      return `doubt ${effect.agent} with shard ${effect.shard}, attempt ${effect.attempt}: silent for ${effect.silentSeconds.toFixed(1)} s`
    case 'poison':
      return `item ${effect.index} is to blame for ${effect.losses} lost agents`
    case 'closed':
      return `closed shard ${effect.shard}`
  }
}

const sayEvent = (event: LedgerEvent): string => {
  switch (event.type) {
    case 'add':
      return `items ${span(event)} were read`
    case 'beat': {
      const held = event.held.map(({ shard, attempt, started }) => `${shard}.${attempt}${started ? '' : ' (waiting)'}`)
      return `${event.agent} beats, ${event.slots} slots: ${held.length === 0 ? 'holds nothing' : `holds ${held.join(', ')}`}`
    }
    case 'report': {
      const failed = event.failures.map(({ index, reason }) => `${index} (${reason})`)
      const words = [
        `${event.agent} reports ${span(event)} of ${event.shard}.${event.attempt}`,
        ...(failed.length > 0 ? [`failed ${failed.join(', ')}`] : []),
        ...(event.givenBack ? [`gives back ${span(event.givenBack)}`] : []),
        ...(event.suspects ? [`suspects ${span(event.suspects)}`] : []),
        ...(event.last ? ['its last'] : []),
      ]
      return words.join('; ')
    }
    case 'settle':
      return `items ${span(event)} are given up`
    case 'resume':
      return `there is room for ${event.items} items`
    case 'take':
      return `the caller has nothing to do, and may have ${event.items} items`
    case 'idle':
      return `${event.slots} slots are idle`
    case 'forgive':
      return `what failed at ${event.agent} was no try`
    case 'tick':
      return 'time passes'
    case 'reopen':
      return 'the queue was lost and is there again'
  }
}

export class Transcript {
  readonly #watch: LedgerWatch
  readonly #lines: string[]
  readonly #sequences = new Map<string, number>()
  #now = 0

  constructor(title: string, options: Partial<LedgerOptions> = {}) {
    const whole = { retries: 0, indivisible: false, ...options }
    this.#watch = new LedgerWatch(new Ledger(whole), whole)
    const more = [...(whole.retries > 0 ? [`retries ${whole.retries}`] : []), ...(whole.indivisible ? ['a fold'] : [])]
    this.#lines = [`# ${title}${more.length > 0 ? ` (${more.join(', ')})` : ''}`, '']
  }

  /** Time that passes is told only when something comes of it. */
  wait(seconds: number, ...holders: readonly (() => void)[]): this {
    const until = this.#now + seconds - 1e-9
    while (this.#now < until) {
      this.#now += 0.5
      for (const holder of holders) holder()
      this.#play({ type: 'tick', now: this.#now }, true)
    }
    return this
  }

  read(start: number, end: number): this {
    return this.#play({ type: 'add', start, end, now: this.#now })
  }

  /** `held` as shard.attempt, for instance '0.1'; '0.1?' waits for a slot. Told only the first time, and when it differs. */
  beats(agent: string, ...held: readonly string[]): this {
    const sequence = (this.#sequences.get(agent) ?? 0) + 1
    this.#sequences.set(agent, sequence)
    const shards = held.map(text => {
      const [, shard, attempt, waits] = /^(\d+)\.(\d+)(\??)$/.exec(text) as RegExpExecArray
      return { shard: Number(shard), attempt: Number(attempt), started: waits === '' }
    })
    const event = { type: 'beat', agent, sequence, slots: 2, held: shards, heldInAll: shards.length } as const
    const isNew = this.#told.get(agent) !== held.join()
    this.#told.set(agent, held.join())
    return this.#play({ ...event, draining: false, now: this.#now }, !isNew)
  }
  readonly #told = new Map<string, string>()

  reports(agent: string, which: string, [start, end]: readonly [number, number], more: Partial<Report> = {}): this {
    const [shard, attempt] = which.split('.').map(Number) as [number, number]
    const base = {
      type: 'report',
      shard,
      attempt,
      agent,
      start,
      end,
      failures: [],
      last: true,
      now: this.#now,
    } as const
    return this.#play({ ...base, ...more })
  }

  resumes(items: number): this {
    return this.#play({ type: 'resume', items, now: this.#now })
  }

  takes(items: number): this {
    return this.#play({ type: 'take', items })
  }

  /** Slots have nothing to do, where an item takes 0.1 s. */
  idles(slots: number, spareSeconds = 0): this {
    const idleness = {
      slots,
      helpers: 0,
      workers: slots,
      itemSeconds: 0.1,
      leastSeconds: 0.01,
      spareSeconds,
      spareCopies: 1,
    }
    return this.#play({ type: 'idle', ...idleness, now: this.#now })
  }

  reopens(): this {
    return this.#play({ type: 'reopen', now: this.#now })
  }

  text(): string {
    this.#watch.checkAll()
    const { settledItems, addedItems, liveShards } = this.#watch.ledger
    return `${[...this.#lines, '', `${settledItems} of ${addedItems} items settled, ${liveShards} shards live`].join('\n')}\n`
  }

  #play(event: LedgerEvent, isQuiet = false): this {
    const effects = this.#watch.step(event)
    if (isQuiet && effects.length === 0) return this
    this.#lines.push(`${this.#now.toFixed(1).padStart(5)} s  ${sayEvent(event)}`)
    for (const effect of effects) this.#lines.push(`           -> ${sayEffect(effect)}`)
    return this
  }
}
