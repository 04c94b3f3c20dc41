// What becomes of idle slots when nothing waits for them. Pure functions. In: the live shards, as far as is known; how many
// slots are idle, and what an item takes. Out: attempts to recall, so that what they have not begun is shared; attempts that
// are silent for much longer than their like, to be run a second time on another host.
// Always true: nothing is recalled that would end before it could be shared; no copy is begun beyond `spareSeconds`, and none
// on the word of one host alone.
import type { Idleness } from './ledger-events.js'

/** A live shard. */
export interface Candidate {
  readonly shard: number
  /** Items that are not settled. */
  readonly open: number
  /** Since when it is at what it was last seen to do. */
  readonly sinceSeconds: number
  /** A worker has begun it. */
  readonly isStarted: boolean
  readonly holder: string | undefined
  readonly mayRecall: boolean
  readonly mayCopy: boolean
}

/** A copy is made of what takes so many times what is usual. Smaller: more work twice. Larger: a slow host is waited for longer. */
const COPY_TIMES = 3
/** Beats tell after half a second that something was begun; what is silent for less is not known to be slow. */
const COPY_SECONDS = 1

type Moment = Idleness & { readonly now: number }

/** The longest rests first, as many as there are idle slots. */
export const recallsOf = (
  candidates: readonly Candidate[],
  { slots, itemSeconds, leastSeconds, now }: Moment,
): { readonly shard: number; readonly restSeconds: number }[] => {
  const rests: { shard: number; restSeconds: number }[] = []
  for (const { shard, open, sinceSeconds, isStarted, holder, mayRecall } of candidates) {
    if (!mayRecall) continue
    // Of one item nothing can be given back, unless it is known to wait where all slots are busy.
    if (open < 2 && (isStarted || holder === undefined)) continue
    // It may be on its way to the very slots that are idle.
    if (!isStarted && now - sinceSeconds < leastSeconds) continue
    const wholeSeconds = open * itemSeconds
    const leftSeconds = wholeSeconds - (now - sinceSeconds)
    // What should have ended long ago is slower than its like, nobody knows by how much.
    const restSeconds = leftSeconds > 0 ? leftSeconds : wholeSeconds
    if (restSeconds > leastSeconds) rests.push({ shard, restSeconds })
  }
  return rests.sort((a, b) => b.restSeconds - a.restSeconds).slice(0, slots)
}

/** Those silent for longest first, as many as other hosts have idle slots. */
export const copiesOf = (
  candidates: readonly Candidate[],
  idle: readonly { readonly agent: string; readonly slots: number }[],
  { itemSeconds, spareSeconds, now }: Moment,
): Candidate[] => {
  let slots = idle.reduce((sum, { slots }) => sum + slots, 0)
  let leftSeconds = spareSeconds
  const copies: Candidate[] = []
  const isElsewhere = (holder: string | undefined): boolean => idle.some(({ agent }) => agent !== holder)
  for (const candidate of candidates.toSorted((a, b) => a.sinceSeconds - b.sinceSeconds)) {
    if (slots === 0) break
    const { open, sinceSeconds, mayCopy, holder } = candidate
    const silentSeconds = now - sinceSeconds
    if (!mayCopy || silentSeconds < Math.max(COPY_SECONDS, COPY_TIMES * open * itemSeconds)) continue
    // Nobody knows how long it will take: it counts for as long as it has taken.
    if (silentSeconds > leftSeconds || !isElsewhere(holder)) continue
    leftSeconds -= silentSeconds
    slots--
    copies.push(candidate)
  }
  return copies
}
