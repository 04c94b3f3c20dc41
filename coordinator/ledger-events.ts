// What the ledger is told and what it answers: its events and effects, and nothing that runs.
// In: nothing. Out: types. Always true: an event or effect is plain data that a play of the ledger can hold and compare.

import type { FailureReason } from '../proto/outcome.js'
import type { Span } from '../proto/shard.js'

export interface LedgerOptions {
  /** Further tries of an item whose outcome is a failure. */
  readonly retries: number
  /** A report is one value for its whole span: it counts only when none of its items is settled yet. */
  readonly indivisible: boolean
  /** So many shards live at once, but for what is to be run with care; the rest of what comes back waits. */
  readonly mostLive?: number
  /** Spans that an earlier process of the job has settled; they are not added yet. */
  readonly settled?: readonly Span[]
  /** The number of the first shard: above all that earlier processes gave. */
  readonly firstShard?: number
}

export type LedgerEvent =
  /** Items that were just read; they follow those of the last `add`. */
  | { readonly type: 'add'; readonly start: number; readonly end: number; readonly now: number }
  | {
      readonly type: 'beat'
      readonly agent: string
      readonly sequence: number
      readonly slots: number
      /** Shards of this job, and how many of any job. */
      readonly held: readonly { readonly shard: number; readonly attempt: number; readonly started: boolean }[]
      readonly heldInAll: number
      readonly draining: boolean
      readonly now: number
    }
  | {
      readonly type: 'report'
      readonly shard: number
      readonly attempt: number
      readonly agent: string
      readonly start: number
      readonly end: number
      readonly failures: readonly { readonly index: number; readonly reason: FailureReason }[]
      readonly last: boolean
      readonly suspects?: Span
      /** What fails there may be the host's fault: it is no try, where there are further ones. */
      readonly isDoubtful?: boolean
      /** The attempt goes on, but not with these, the end of its span. */
      readonly givenBack?: Span
      /** What the reported items took there. */
      readonly workSeconds?: number
      /** Of what comes back, so many items are offered at once; what is longer waits, to be cut when there is room. */
      readonly pieceItems?: number
      readonly now: number
    }
  /** There is room for a piece of what waits, of at most so many items. */
  | { readonly type: 'resume'; readonly items: number; readonly now: number }
  /** As `resume`, for the caller's own loop, however small pieces would be for workers: it is settled there, whatever they may still say of it. */
  | { readonly type: 'take'; readonly items: number }
  /** Slots have nothing to do, and nothing waits for them. */
  | ({ readonly type: 'idle'; readonly now: number } & Idleness)
  /** An item that could not be read, or was given up by the coordinator itself. */
  | { readonly type: 'settle'; readonly start: number; readonly end: number }
  /** What failed there was the host's fault: of items that are not settled it was no try. */
  | { readonly type: 'forgive'; readonly agent: string }
  | { readonly type: 'tick'; readonly now: number }
  /** The queue was lost: what is not known to be held is offered again. */
  | { readonly type: 'reopen'; readonly now: number }

export interface Idleness {
  /** How many of them. */
  readonly slots: number
  /** Of these, callers: they are given what comes back, whatever waits for hosts. */
  readonly helpers: number
  /** All slots of workers, idle or not. */
  readonly workers: number
  /** What an item takes, in the middle of what was measured. */
  readonly itemSeconds: number
  /** What takes less is not worth handing over. */
  readonly leastSeconds: number
  /** So much work may be done twice; 0: none. */
  readonly spareSeconds: number
  /** So many copies may be begun of what is stuck for no known reason, and may take long again. */
  readonly spareCopies: number
}

export type LedgerEffect =
  | {
      readonly type: 'offer'
      readonly shard: number
      readonly attempt: number
      readonly start: number
      readonly end: number
      readonly careful: boolean
    }
  /** These items of the report are settled by it, now and for good. */
  | { readonly type: 'settled'; readonly start: number; readonly end: number }
  /** These were added, and are settled already: nobody need run them. */
  | { readonly type: 'known'; readonly start: number; readonly end: number }
  /** The caller's own loop runs these, and answers for their outcomes. */
  | { readonly type: 'taken'; readonly start: number; readonly end: number }
  /** So many items of the report were settled before, or are tried again. */
  | { readonly type: 'unused'; readonly items: number; readonly why: 'duplicate' | 'retry' }
  | {
      readonly type: 'lost'
      readonly shard: number
      readonly attempt: number
      readonly agent?: string
      readonly why: LossReason
    }
  /** The end of its span is given back: from here on it is in other shards, or waits. */
  | { readonly type: 'shortened'; readonly shard: number; readonly end: number }
  /** Whoever has this attempt is to give back what it has not begun. */
  | { readonly type: 'recall'; readonly shard: number; readonly attempt: number; readonly restSeconds: number }
  /** The next offer of the shard is a copy: this attempt goes on beside it. `start` to `end` is what is open of it. */
  | {
      readonly type: 'doubted'
      readonly shard: number
      readonly attempt: number
      readonly agent: string
      readonly silentSeconds: number
      /** What the copy will take, as far as is known. */
      readonly costSeconds: number
      readonly start: number
      readonly end: number
    }
  /** Agents were lost again and again while they ran this item: it is blamed for it. */
  | { readonly type: 'poison'; readonly index: number; readonly losses: number }
  /** All items of the shard are settled, or its rest stands in other shards. */
  | { readonly type: 'closed'; readonly shard: number }

export type LossReason = 'lease ended' | 'vanished' | 'unclaimed' | 'queue lost' | 'given back'

export type BeatEvent = Extract<LedgerEvent, { type: 'beat' }>
export type IdleEvent = Extract<LedgerEvent, { type: 'idle' }>
export type ReportEvent = Extract<LedgerEvent, { type: 'report' }>
