// What running in parallel gained over one core: pure arithmetic on a job's account. In: items, slots, seconds. Out: speedup,
// efficiency, the serial fraction, and from where on such a job pays.
import type { Receipt } from './receipt.js'

export interface GainFacts {
  readonly items: number
  /** On average. */
  readonly slots: number
  readonly wallSeconds: number
  readonly serialSeconds: number
  /** Of all slots, until their workers were ready. */
  readonly startSeconds: number
}

/** With a speedup of next to nothing, or on so little more than one slot, there is nothing to divide by. */
const LEAST = 1e-9
const LEAST_SLOTS = 1.01

/** Closer to a loop than this nobody can tell which was faster. */
const SLOWER = 0.95

/** A plain loop would have been faster, even one that lacked a core as often as the workers did. Inline it was one. */
export const isSlower = (receipt: Pick<Receipt, 'placement' | 'serial_seconds_estimate' | 'wall_seconds'>): boolean => {
  const { placement, serial_seconds_estimate: serial, wall_seconds: wall } = receipt
  return placement !== 'inline' && serial.value > 0 && serial.high < SLOWER * wall
}

type Gain = Pick<Receipt, 'speedup' | 'efficiency' | 'karp_flatt' | 'break_even_items' | 'break_even_item_seconds'>

export const gainOf = ({ items, slots, wallSeconds, serialSeconds, startSeconds }: GainFacts): Gain => {
  const speedup = serialSeconds / wallSeconds
  const isParallel = slots >= LEAST_SLOTS
  const none = { break_even_items: null, break_even_item_seconds: null }
  return {
    speedup,
    efficiency: slots > LEAST ? speedup / slots : 0,
    // (1/speedup - 1/slots) / (1 - 1/slots): Karp and Flatt, Measuring Parallel Processor Performance, CACM 33(5), 1990.
    karp_flatt: isParallel && speedup > LEAST ? (1 / speedup - 1 / slots) / (1 - 1 / slots) : null,
    ...(items > 0 && serialSeconds > 0 && isParallel
      ? breakEven({ items, slots, wallSeconds, serialSeconds, startSeconds })
      : none),
  }
}

/**
 * The wall time is start-up, then for each item its share of a slot and a cost of being handed over. So more items divide
 * the start-up, and longer items the rest.
 */
const breakEven = ({ items, slots, wallSeconds, serialSeconds, startSeconds }: GainFacts) => {
  const item = serialSeconds / items
  const fixed = Math.min(wallSeconds, startSeconds / slots)
  const variable = (wallSeconds - fixed) / items
  const besides = Math.max(0, wallSeconds / items - item / slots)
  return {
    break_even_items: variable < item ? Math.max(1, Math.ceil(fixed / (item - variable))) : null,
    break_even_item_seconds: besides / (1 - 1 / slots),
  }
}
