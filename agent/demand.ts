// For how many tasks each of several jobs is asked. Pure. In: the jobs, and what is here of each. Out: a number for each.
// Always true: each job that has work has some at hand, in proportion to its weight, so that its turn is not missed; a job is asked
// only for what slots are idle of while one of a higher priority may have more.
import type { Share } from './shares.js'
import type { Here } from './turns.js'

export interface Demand {
  readonly job: string
  readonly share: Share
  /** It was asked already, and has not given all. */
  readonly isAsked: boolean
  /** And has given nothing for a while. */
  readonly isDry: boolean
}

export interface Room {
  readonly slots: number
  readonly idleSlots: number
  /** Tasks to have at hand for each slot, beside those that run. */
  readonly spareDepth: number
  readonly of: (job: string) => Here
}

/** Tasks at hand last for so many rounds of the slots. Smaller: a job misses its turns while it waits for its next tasks. Larger: other hosts wait for what is held. */
const ROUNDS = 2
const LEAST_AT_HAND = 2

export const demandOf = (demands: readonly Demand[], room: Room): Map<string, number> => {
  const credits = new Map<string, number>()
  const priorities = [...new Set(demands.map(({ share }) => share.priority))].sort((a, b) => b - a)
  let idleSlots = Number.POSITIVE_INFINITY
  for (const priority of priorities) {
    const equals = demands.filter(({ share }) => share.priority === priority)
    for (const [job, credit] of creditsOf(equals, room)) credits.set(job, Math.min(credit, Math.max(0, idleSlots)))
    // Those above may have more than was heard of.
    if (!equals.every(({ isDry }) => isDry)) break
    const waiting = equals.reduce((sum, { job }) => sum + room.of(job).waiting, 0)
    idleSlots = Math.min(idleSlots, room.idleSlots) - waiting
  }
  return credits
}

/** Of jobs of one priority. */
const creditsOf = (equals: readonly Demand[], { slots, idleSlots, spareDepth, of }: Room): Map<string, number> => {
  const busy = equals.filter(({ job }) => of(job).waiting + of(job).running > 0)
  const busyWeight = busy.reduce((sum, { share }) => sum + share.weight, 0)
  const credits = new Map<string, number>()
  for (const { job, share } of equals) {
    const { waiting, running } = of(job)
    const weight = busyWeight + (waiting + running > 0 ? 0 : share.weight)
    const atHand = Math.max(LEAST_AT_HAND, Math.ceil((ROUNDS * spareDepth * slots * share.weight) / weight))
    // A slot that is idle may be its own, too.
    credits.set(job, Math.max(0, atHand + idleSlots - waiting))
  }
  return credits
}
