// The one knob that would help a job most, computed from its account. Pure. In: a receipt's figures. Out: sentences: first
// the honest one if a plain loop would have been faster, then the knob with its figure. Always true: what would help by
// less than a few percent is not said.
import { isSlower } from './gain.js'
import type { Receipt } from './receipt.js'

export type Facts = Omit<Receipt, 'advice' | 'decisions'>

/** Of the capacity: less is not worth a knob. */
const LEAST_SHARE = 0.05
/** A function that uses less CPU than this part of its time mostly waits. */
const WAITING_CPU_SHARE = 0.5
/** With so many items in progress at once on average, somebody has seen to it. */
const TOGETHER = 1.5
/** Handing a shard over should take no more of it than this. */
const OVERHEAD_ALLOWED = 0.02
/** With fewer shards a slot than this the last ones leave slots idle. */
const FEW_SHARDS_PER_SLOT = 3

interface Knob {
  /** Core-seconds that it could win at best. */
  readonly seconds: number
  readonly text: string
  /** All that it says is in the sentence about the loop. */
  readonly isCost?: true
}

export const advise = (facts: Facts, shardSize?: number): string[] => {
  const { items, capacity_core_seconds: capacity } = facts
  if (items === 0 || !(capacity > 0)) return []
  const knobs = [
    tail(facts, shardSize),
    start(facts),
    handover(facts, shardSize),
    waiting(facts),
    lost(facts),
    contended(facts),
  ]
  const [best] = knobs.filter(knob => knob !== undefined).sort((a, b) => b.seconds - a.seconds)
  const slower = isSlower(facts)
  const isWorthIt = best !== undefined && best.seconds >= LEAST_SHARE * capacity && !(slower && best.isCost)
  return [...(slower ? [loop(facts)] : []), ...(isWorthIt ? [best.text] : [])]
}

const loop = (facts: Facts): string => {
  const { items, wall_seconds: wall, serial_seconds_estimate: serial, slots } = facts
  const item = serial.value / items
  const besides = Math.max(0, wall / items - item / Math.max(1, slots))
  return `A plain loop would have been ${twoDigits(wall / serial.value)} times faster: the function takes ${time(item)} an item, and all else, the start of workers included, took ${time(besides)} an item.`
}

const tail = (facts: Facts, shardSize: number | undefined): Knob | undefined => {
  const { items, shards, slots, wall_seconds: wall, core_seconds: phases, item_seconds: item } = facts
  const unused = facts.unused_core_seconds
  const seconds = items < slots ? phases.tail : phases.tail - unused
  const others = Math.max(1, Math.round(slots) - 1)
  const each = time(seconds / Math.max(1, slots))
  const idle = `${count(others, 'slot')} idle for ${time(seconds / others)}`
  const knob = (text: string): Knob => ({ seconds, text })
  if (slots < 1.5) return undefined
  if (items < slots)
    return knob(
      `There were ${count(items, 'item')} for ${count(slots, 'slot')}: the others had nothing to do. Fewer slots would do the same.`,
    )
  if (shardSize !== undefined && shardSize > 1 && shards < FEW_SHARDS_PER_SLOT * slots)
    return knob(
      `Shards of ${shardSize} items left ${count(shards, 'shard')} for ${count(slots, 'slot')}, which were idle for ${each} each at the end: leave out the shard size, or make it smaller.`,
    )
  const ratio = item.slowest / item.median
  if (ratio >= FEW_SHARDS_PER_SLOT && item.slowest >= (0.5 * seconds) / others)
    return knob(`The slowest item ran ${twoDigits(ratio)}x the median and held ${idle}.`)
  return knob(
    `Slots were idle for ${each} each at the end, ${percent(seconds / slots / wall)} of the time: more items, or shorter ones, would fill them.`,
  )
}

const start = ({ core_seconds: phases, capacity_core_seconds: capacity }: Facts): Knob => ({
  seconds: phases.start,
  text: `Starting workers took ${time(phases.start)} of ${time(capacity)}: keep one pool for several jobs, or give it more items.`,
})

const handover = (facts: Facts, shardSize: number | undefined): Knob | undefined => {
  if (facts.placement === 'inline') return undefined
  const { items, shards, core_seconds: phases, capacity_core_seconds: capacity } = facts
  const codec = phases.decode + phases.encode
  const seconds = codec + phases.dispatch + phases.transport
  const handing = phases.dispatch + phases.transport
  const item = phases.compute / items
  if (shardSize !== undefined && shards > 1 && handing > codec) {
    // As many as make the overhead of a shard small beside its items.
    const better = Math.ceil(handing / shards / OVERHEAD_ALLOWED / Math.max(item, 1e-9))
    if (better > 2 * shardSize)
      return {
        seconds,
        text: `Shards of ${shardSize} took ${time(handing)} of ${time(capacity)} to hand over: leave out the shard size, or make it about ${count(Number(better.toPrecision(2)), 'item')}.`,
      }
  }
  if (codec > handing)
    return {
      seconds,
      isCost: true,
      text: `Packing and unpacking items and values took ${time(codec)} of ${time(capacity)}: numbers are cheaper than objects, and fewer bytes than many.`,
    }
  return {
    seconds,
    isCost: true,
    text: `Handing items over took ${time(handing)} of ${time(capacity)}, ${time(handing / items)} an item: items that each do more work are handed over less often.`,
  }
}

const waiting = (facts: Facts): Knob | undefined => {
  const { core_seconds: phases, cpu_core_seconds: cpu, preempted_core_seconds: preempted } = facts
  const busy = cpu + preempted
  // Items are in progress together already.
  if (facts.serial_seconds_estimate.high > TOGETHER * phases.compute) return undefined
  // Nobody told how much CPU it took.
  if (cpu <= 0 || busy >= WAITING_CPU_SHARE * phases.compute) return undefined
  const seconds = phases.compute - busy
  return {
    seconds,
    text: `The function waited for ${percent(seconds / phases.compute)} of its time (${time(cpu)} of CPU in ${time(phases.compute)}): several items at once in each worker (--concurrency) would fill it.`,
  }
}

const lost = ({ core_seconds: phases, capacity_core_seconds: capacity, reoffers }: Facts): Knob => ({
  seconds: phases.lost,
  text: `Work without an outcome took ${time(phases.lost)} of ${time(capacity)}, in workers that died, timed out or were ended${reoffers > 0 ? `; ${count(reoffers, 'shard')} had to be offered again` : ''}.`,
})

const contended = ({ core_seconds: phases, preempted_core_seconds: preempted, slots }: Facts): Knob => ({
  seconds: preempted,
  text: `For ${time(preempted)} of ${time(phases.compute)} the function had no core to run on: ${count(slots, 'slot')} and what else runs there are more than the cores can serve.`,
})

/** Two significant digits, without an exponent. */
const twoDigits = (value: number): string => {
  const rounded = Number(value.toPrecision(2))
  return rounded >= 1000 ? grouped(rounded) : String(rounded)
}

const grouped = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',')

const count = (value: number, noun: string): string => `${grouped(value)} ${noun}${Math.round(value) === 1 ? '' : 's'}`

const percent = (part: number): string => `${Math.round(100 * part)} %`

const time = (seconds: number): string => {
  if (seconds >= 120) return `${twoDigits(seconds / 60)} min`
  if (seconds >= 0.9995) return `${Number(seconds.toPrecision(seconds >= 10 ? 3 : 2))} s`
  if (seconds >= 0.0009995) return `${twoDigits(seconds * 1e3)} ms`
  return seconds >= 0.995e-6 ? `${twoDigits(seconds * 1e6)} µs` : `${twoDigits(seconds * 1e9)} ns`
}
