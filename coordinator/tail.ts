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
  /** What an item takes where it is. */
  readonly itemSeconds: number
  /** A worker has begun it. */
  readonly isStarted: boolean
  readonly holder: string | undefined
  readonly mayRecall: boolean
  readonly mayCopy: boolean
}

/** A host with slots that nothing is held for. */
export interface IdleHost {
  readonly agent: string
  readonly slots: number
  readonly itemSeconds: number
}

/** What takes so many times what is usual on its host is stuck. Smaller: more work twice. Larger: it is waited for longer. */
const STUCK_TIMES = 3
/** A copy must be expected to end in so much less time. It may come to a slower host than was thought. */
const WORTH_TIMES = 2
/** Beats tell after half a second that something was begun; what is silent for less is not known to be slow. */
const COPY_SECONDS = 1

type Moment = Idleness & { readonly now: number }

/**
 * Of what is left, callers take this part of their share: they cannot give back what they took, and may ask again. Smaller: they ask
 * more often, and wait for an answer each time. Larger: workers wait for a caller whose items turn out long.
 */
const CALLERS_PART = 2 / 3

/** Of all that is left: what so many callers take, beside so many workers. */
export const callersPart = (callers: number, workers: number): number => (CALLERS_PART * callers) / (callers + workers)

interface Recall {
  readonly shard: number
  readonly restSeconds: number
}

/** For callers first: what stands whole behind what workers are at. Then the longest rests, as many as there are idle slots. */
export const recallsOf = (candidates: readonly Candidate[], moment: Moment): Recall[] => {
  const { slots, helpers, workers, leastSeconds } = moment
  if (helpers === 0) return restsOf(candidates, moment)
  const wholeSeconds = ({ open, itemSeconds }: Candidate): number => open * itemSeconds
  const inOrder = candidates.toSorted((a, b) => a.shard - b.shard)
  const wantedSeconds =
    callersPart(helpers, workers) * inOrder.reduce((sum, candidate) => sum + wholeSeconds(candidate), 0)
  const recalls: Recall[] = []
  let seconds = 0
  // As many as there are workers are at something, as far as anybody knows, and the newest are begun last.
  for (const candidate of inOrder.slice(workers).reverse()) {
    if (seconds >= wantedSeconds) break
    if (!candidate.mayRecall || candidate.isStarted) continue
    const restSeconds = wholeSeconds(candidate)
    recalls.push({ shard: candidate.shard, restSeconds })
    seconds += restSeconds
  }
  if (seconds <= leastSeconds) return restsOf(candidates, moment)
  if (slots === helpers) return recalls
  const others = candidates.filter(({ shard }) => !recalls.some(recall => recall.shard === shard))
  return [...recalls, ...restsOf(others, { ...moment, slots: slots - helpers, helpers: 0 })]
}

/** The longest rests first, as many as there are idle slots. */
const restsOf = (candidates: readonly Candidate[], { slots, helpers, leastSeconds, now }: Moment): Recall[] => {
  const rests: { shard: number; restSeconds: number; workSeconds: number }[] = []
  for (const { shard, open, sinceSeconds, itemSeconds, isStarted, holder, mayRecall } of candidates) {
    if (!mayRecall) continue
    // Of one item nothing can be given back, unless it is known to wait where all slots are busy, or is not for their like.
    if (open < 2 && (isStarted || (holder === undefined && helpers === 0))) continue
    const silentSeconds = now - sinceSeconds
    // It may be on its way to the very slots that are idle.
    if (!isStarted && silentSeconds < leastSeconds) continue
    const wholeSeconds = open * itemSeconds
    const leftSeconds = wholeSeconds - silentSeconds
    // What should have ended is slower than its like, nobody knows by how much, or waits behind such: it may take as long again.
    const restSeconds = leftSeconds > 0 ? leftSeconds : Math.max(wholeSeconds, silentSeconds)
    const workSeconds = leftSeconds > 0 ? leftSeconds : wholeSeconds
    if (restSeconds > leastSeconds) rests.push({ shard, restSeconds, workSeconds })
  }
  // Of the same work the newest: it is behind the others.
  return rests.sort((a, b) => b.workSeconds - a.workSeconds || b.shard - a.shard).slice(0, slots)
}

/** What would otherwise take longest first, as many as other hosts have idle slots. */
export const copiesOf = (
  candidates: readonly Candidate[],
  idle: readonly IdleHost[],
  { spareSeconds, spareCopies, now }: Moment,
): { readonly candidate: Candidate; readonly costSeconds: number }[] => {
  const wanted: { candidate: Candidate; costSeconds: number; leftSeconds: number; isStuck: boolean }[] = []
  const fastest = idle.toSorted((a, b) => a.itemSeconds - b.itemSeconds).slice(0, 2)
  for (const candidate of candidates) {
    const elsewhere = fastest.find(({ agent }) => agent !== candidate.holder)
    const silentSeconds = now - candidate.sinceSeconds
    if (!candidate.mayCopy || elsewhere === undefined || silentSeconds < COPY_SECONDS) continue
    const costSeconds = candidate.open * elsewhere.itemSeconds
    const usualSeconds = candidate.open * candidate.itemSeconds
    const isStuck = silentSeconds > STUCK_TIMES * usualSeconds
    // What is stuck, nobody knows why, may take as long again as it has taken.
    const leftSeconds = isStuck ? silentSeconds : usualSeconds - silentSeconds
    if (leftSeconds > WORTH_TIMES * costSeconds) wanted.push({ candidate, costSeconds, leftSeconds, isStuck })
  }
  let slots = idle.reduce((sum, host) => sum + host.slots, 0)
  let spare = spareSeconds
  let spareStuck = spareCopies
  return wanted
    .sort((a, b) => b.leftSeconds - a.leftSeconds)
    .filter(({ costSeconds, isStuck }) => {
      if (slots === 0 || costSeconds > spare || (isStuck && spareStuck === 0)) return false
      slots--
      if (isStuck) spareStuck--
      spare -= costSeconds
      return true
    })
}
