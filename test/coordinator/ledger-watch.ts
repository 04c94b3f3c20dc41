// Looks over a ledger's shoulder. In: the events for it. Out: its effects, checked; whatever breaks a promise throws.
// Always true after a step: no item was settled twice; every item that was added and is not settled is in exactly one live
// shard, or waits; no number of a shard was used twice; attempts ascend; no item failed before its tries were used up, nor was tried
// again after. It keeps books of its own, item by item, so that it shares no mistake with the ledger's spans.
import type { Ledger, LedgerEffect, LedgerEvent, LedgerOptions } from '../../coordinator/ledger.js'

interface WatchedShard {
  start: number
  end: number
  attempt: number
}

export class LedgerWatch {
  readonly ledger: Ledger
  readonly #options: LedgerOptions
  readonly live = new Map<number, WatchedShard>()
  /** Of each item: how often it was settled. */
  readonly #settled: boolean[] = []
  /** Of each item: the attempts that reported it as failed. */
  readonly #failedTries = new Map<number, Map<string, string>>()
  #highestShard: number
  #settledItems = 0
  /** Of the recalls: shard and attempt. */
  readonly #recalled = new Set<string>()

  constructor(ledger: Ledger, options: LedgerOptions) {
    this.ledger = ledger
    this.#options = options
    this.#highestShard = (options.firstShard ?? 0) - 1
    for (const { start, end } of options.settled ?? []) for (let at = start; at < end; at++) this.#markSettled(at)
  }

  isSettled(index: number): boolean {
    return this.#settled[index] === true
  }

  step(event: LedgerEvent): LedgerEffect[] {
    const wasSettled = event.type === 'report' ? this.#settled.slice(event.start, event.end) : []
    const effects = this.ledger.step(event)
    if (event.type === 'add') for (let at = event.start; at < event.end; at++) this.#settled[at] ??= false
    for (const effect of effects) this.#look(effect)
    if (event.type === 'forgive')
      for (const tries of this.#failedTries.values())
        for (const [attempt, agent] of tries) if (agent === event.agent) tries.delete(attempt)
    if (event.type === 'report') this.#lookAtTries(event, wasSettled)
    if (this.ledger.settledItems !== this.#settledItems)
      throw new Error(`the ledger counts ${this.ledger.settledItems} settled items, not ${this.#settledItems}`)
    if (this.ledger.liveShards !== this.live.size)
      throw new Error(`the ledger counts ${this.ledger.liveShards} live shards, not ${this.live.size}`)
    return effects
  }

  /** Item by item, so not for every step of a long simulation. */
  checkAll(): void {
    const shards = new Array<number>(this.#settled.length).fill(0)
    for (const { start, end } of this.live.values())
      for (let at = start; at < end; at++) shards[at] = (shards[at] ?? 0) + 1
    let waiting = 0
    for (const [index, isSettled] of this.#settled.entries()) {
      if (this.ledger.isSettled(index) !== isSettled) throw new Error(`item ${index}: the ledger forgot its outcome`)
      if (isSettled || shards[index] === 1) continue
      if (shards[index] !== 0) throw new Error(`item ${index} is in ${shards[index]} live shards`)
      waiting++
    }
    if (waiting > this.ledger.waitingItems || this.ledger.hasWaiting !== waiting > 0)
      throw new Error(`${waiting} items are in no shard, and ${this.ledger.waitingItems} wait`)
    for (const { shard, attempt } of this.ledger.recalled())
      if (this.live.get(shard)?.attempt !== attempt) throw new Error(`shard ${shard}, attempt ${attempt} is recalled`)
    const told = [...this.ledger.live()]
    for (const { shard, attempt } of told) {
      if (this.live.get(shard)?.attempt !== attempt)
        throw new Error(`shard ${shard}, attempt ${attempt} is told as live`)
    }
    for (const { shard } of told)
      if (shard >= this.ledger.nextShard) throw new Error(`shard ${shard} is not below nextShard`)
    if (told.length !== this.live.size) throw new Error('live shards are missing from what is told')
    for (const [shard, { start, end }] of this.live) {
      if (this.#settled.slice(start, end).every(Boolean)) throw new Error(`shard ${shard} lives, all of it settled`)
    }
  }

  #look(effect: LedgerEffect): void {
    if (effect.type === 'offer') this.#lookAtOffer(effect)
    else if (effect.type === 'shortened') {
      const shard = this.live.get(effect.shard)
      if (shard === undefined || effect.end >= shard.end || effect.end < shard.start)
        throw new Error(`shard ${effect.shard} was shortened to ${effect.end}`)
      shard.end = effect.end
    } else if (effect.type === 'doubted') {
      const shard = this.live.get(effect.shard)
      if (shard === undefined || effect.start < shard.start || effect.end > shard.end)
        throw new Error(`shard ${effect.shard} is doubted at [${effect.start}, ${effect.end})`)
      this.live.set(effect.shard, { ...shard, start: effect.start, end: effect.end })
    } else if (effect.type === 'recall') {
      const key = `${effect.shard}/${effect.attempt}`
      if (this.#recalled.has(key)) throw new Error(`attempt ${key} was recalled twice`)
      this.#recalled.add(key)
      if (this.live.get(effect.shard)?.attempt !== effect.attempt)
        throw new Error(`attempt ${key} was recalled, an old one`)
    } else if (effect.type === 'closed') {
      if (!this.live.delete(effect.shard)) throw new Error(`shard ${effect.shard} was closed, which did not live`)
    } else if (effect.type === 'settled' || effect.type === 'taken') {
      if (effect.start >= effect.end) throw new Error(`nothing was ${effect.type}: [${effect.start}, ${effect.end})`)
      for (let at = effect.start; at < effect.end; at++) {
        if (this.#settled[at] === true) throw new Error(`item ${at} was settled twice`)
        this.#markSettled(at)
      }
    } else if (effect.type === 'known')
      for (let at = effect.start; at < effect.end; at++)
        if (this.#settled[at] !== true) throw new Error(`item ${at} is said to be settled`)
  }

  #markSettled(index: number): void {
    this.#settled[index] = true
    this.#settledItems++
  }

  #lookAtOffer({ shard, attempt, start, end }: Extract<LedgerEffect, { type: 'offer' }>): void {
    if (start >= end) throw new Error(`shard ${shard} was offered without items`)
    const before = this.live.get(shard)
    if (before === undefined) {
      if (shard <= this.#highestShard) throw new Error(`shard ${shard} was offered after it had been closed`)
      if (attempt !== 1) throw new Error(`shard ${shard} begins with attempt ${attempt}`)
      this.#highestShard = shard
    } else if (attempt <= before.attempt || start !== before.start || end !== before.end)
      throw new Error(`shard ${shard} was offered again as attempt ${attempt} of [${start}, ${end})`)
    this.live.set(shard, { start, end, attempt })
    for (let at = start; at < end; at++)
      if (this.#settled[at] === true) throw new Error(`item ${at} was offered after it was settled`)
  }

  /** A repeated report is no further try. */
  #lookAtTries(report: Extract<LedgerEvent, { type: 'report' }>, wasSettled: readonly boolean[]): void {
    const counts = !this.#options.indivisible || !wasSettled.some(Boolean)
    if (!counts) return
    for (const { index } of report.failures) {
      if (wasSettled[index - report.start] === true) continue
      const tries = this.#failedTries.get(index) ?? new Map<string, string>()
      this.#failedTries.set(index, tries)
      const isNoTry = report.isDoubtful === true && this.#options.retries > 0
      if (!isNoTry) tries.set(`${report.shard}/${report.attempt}`, report.agent)
      const isUsedUp = tries.size > this.#options.retries
      if (isUsedUp !== this.isSettled(index))
        throw new Error(`item ${index} failed in ${tries.size} attempts and is ${isUsedUp ? 'not ' : ''}settled`)
    }
  }
}
