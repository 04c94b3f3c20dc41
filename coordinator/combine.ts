// The receipts of jobs that ran one after the other for one call, as one: the rounds of a reduction. Pure.
// In: receipts in the order in which they ran. Out: their sum. Always true: the phases of the sum add up to its capacity;
// items and failures are those of the first round, since the later ones work on what it made.
import { advise } from './advice.js'
import { gainOf } from './gain.js'
import { PHASES, type Phases, type Receipt } from './receipt.js'

const sumOf = (receipts: readonly Receipt[], figure: (receipt: Receipt) => number): number =>
  receipts.reduce((sum, receipt) => sum + figure(receipt), 0)

/** The first round with what the others added; a shard size of the user's own has its word in the advice. */
export const combineReceipts = (first: Receipt, later: readonly Receipt[], shardSize?: number): Receipt => {
  if (later.length === 0) return first
  const all = [first, ...later]
  const wall = sumOf(all, each => each.wall_seconds)
  const capacity = sumOf(all, each => each.capacity_core_seconds)
  const phases = Object.fromEntries(
    PHASES.map(phase => [phase, sumOf(all, each => each.core_seconds[phase])]),
  ) as Phases
  const slots = capacity / wall
  const serial = {
    value: sumOf(all, each => each.serial_seconds_estimate.value),
    low: sumOf(all, each => each.serial_seconds_estimate.low),
    high: sumOf(all, each => each.serial_seconds_estimate.high),
    method: `${first.serial_seconds_estimate.method}; over ${all.length} rounds`,
  }
  const facts = {
    ...first,
    slots: Math.round(slots * 100) / 100,
    wall_seconds: wall,
    capacity_core_seconds: capacity,
    core_seconds: phases,
    cpu_core_seconds: sumOf(all, each => each.cpu_core_seconds),
    preempted_core_seconds: sumOf(all, each => each.preempted_core_seconds),
    unused_core_seconds: sumOf(all, each => each.unused_core_seconds),
    elsewhere_core_seconds: sumOf(all, each => each.elsewhere_core_seconds),
    serial_seconds_estimate: serial,
    ...gainOf({
      items: first.items,
      slots,
      wallSeconds: wall,
      serialSeconds: serial.value,
      startSeconds: phases.start,
    }),
    shards: sumOf(all, each => each.shards),
    duplicates: sumOf(all, each => each.duplicates),
    reoffers: sumOf(all, each => each.reoffers),
  }
  return { ...facts, advice: advise(facts, shardSize), decisions: decisionsOf(all) }
}

/** On the clock of the first round. */
const decisionsOf = (receipts: readonly Receipt[]): Receipt['decisions'] => {
  let startedSeconds = 0
  return receipts.flatMap(({ decisions, wall_seconds: wall }) => {
    const since = startedSeconds
    startedSeconds += wall
    return decisions.map(decision => ({ ...decision, at_seconds: since + decision.at_seconds }))
  })
}
