// What explain and `map --explain` have in common: items from all over the input that the command line names, and the hands
// that they are tried on. In: settings, a job without input and output. Out: an explanation, and what it was got from.
// Always true: every pair of hands that was opened here is closed here.
import { defaultSlots } from '../../agent/slots.js'
import { monotonicSeconds } from '../../proto/timing.js'
import { type Explained, explain } from '../explain.js'
import type { JobRequest } from '../job.js'
import { type Spread, spreadOf, spreadOfRange } from '../spread.js'
import { Fault, messageOf } from './fault.js'
import { inputOf } from './items.js'
import { type CheckedNats, openHands } from './place.js'
import { costsOptionsOf } from './remembered.js'
import { figuresOfPrediction, type Requirement, unmet } from './requirement.js'
import type { Settings } from './settings.js'

/** What is kept of an input that is read for its sample. */
const SPREAD_LIMITS = { items: 4096, bytes: 32 * 1024 * 1024, seconds: 5, clock: monotonicSeconds }

export interface Foreseen {
  readonly explained: Explained
  /** The input was read to its end. */
  readonly isWhole: boolean
}

export interface ForeseeOptions {
  readonly settings: Settings
  readonly request: Omit<JobRequest, 'operation' | 'output' | 'input'>
  readonly nats: CheckedNats | undefined
  readonly keeps: boolean
  readonly onPrint: (line: string) => void
}

const spreadOfSettings = async (settings: Settings): Promise<Spread> => {
  const range = settings.get('range')
  if (range !== undefined) {
    const { parseRange } = await import('../input/range.js')
    const { start, step, length } = parseRange(range)
    return spreadOfRange(length, (from, count) => ({ form: 'range', start: start + from * step, step, count }))
  }
  const input = await inputOf(settings)
  try {
    return await spreadOf(input, SPREAD_LIMITS)
  } catch (error) {
    throw new Fault('MH-INPUT', messageOf(error), undefined, error)
  } finally {
    await input.close()
  }
}

/** Explains the job. A job that cannot run at all is a fault, as it would be without being explained. */
export const foresee = async (options: ForeseeOptions): Promise<Foreseen> => {
  const { settings, request, nats, keeps, onPrint } = options
  const spread = await spreadOfSettings(settings)
  if (spread.picks.length === 0) {
    throw new Fault('MH-INPUT', 'the input has no item that could be tried, so there is nothing to explain')
  }
  const slots = settings.get('slots') ?? defaultSlots().slots
  const cluster = nats && {
    hands: await openHands(settings, { place: 'cluster', nats }, onPrint),
    server: nats.display,
  }
  try {
    const explained = await explain({
      openLocal: count => openHands(settings, { place: 'local' }, onPrint, { slots: count }),
      slots,
      costs: costsOptionsOf(settings),
      ...(cluster && { cluster }),
      request,
      spread,
      isRange: settings.has('range'),
      keeps,
      clock: monotonicSeconds,
    })
    const { end } = explained.sampling
    if (end.state === 'broken') throw new Fault('MH-JOB-BROKEN', end.why ?? 'no item could be tried')
    return { explained, isWhole: spread.isWhole }
  } finally {
    await cluster?.hands.close()
  }
}

/** What the place that a job goes to does not promise of what is required, with all of its slots. */
export const unmetByPrediction = (
  requirements: readonly Requirement[],
  { predictions, recommended }: Explained,
  place: 'inline' | 'local' | 'cluster' | 'any',
): string[] => {
  const there = predictions.filter(prediction => prediction.place === place)
  return unmet(requirements, figuresOfPrediction(there.at(-1) ?? recommended))
}
