// A fold run in a Node worker: the batch's items become one value, from left to right, each through the mapper first.
// In: two functions and a batch. Out: one message: the value for the whole span, or the failure of the item that ended it.

import { failureOf } from '../../../proto/failure.js'
import type { Failure } from '../../../proto/outcome.js'
import type { WorkerRun } from '../../worker.js'
import { turn } from '../channel.js'
import type { Pace } from '../pace.js'
import { Part } from '../part.js'
import { sourceOf } from '../source.js'
import type { Loaded } from './load.js'
import { nowSeconds, type Seat } from './map.js'

export const runFold = async (
  loaded: Loaded,
  run: WorkerRun,
  pace: Pace,
  { channel, announcer }: Seat,
): Promise<void> => {
  const { call, mapper, spread } = loaded
  const source = sourceOf(run.items)
  const part = new Part(run.run, run.start, 1, (outcomes, onWritten) => channel.send(outcomes, onWritten))
  let folded: unknown
  let offset = 0

  const step = async (to: number): Promise<Failure | undefined> => {
    for (; offset < to; offset++) {
      let reason: Failure['reason'] = 'undecodable'
      try {
        let value = source.at(offset)
        reason = 'error'
        if (mapper !== undefined) {
          value = spread && Array.isArray(value) ? mapper(...value) : mapper(value)
          if (value instanceof Promise) value = await value
        }
        if (offset === 0) folded = value
        else {
          folded = call(folded, value)
          if (folded instanceof Promise) folded = await folded
        }
      } catch (error) {
        return { ...failureOf(error), reason }
      }
    }
    return undefined
  }

  let failure: Failure | undefined
  while (offset < source.count && failure === undefined) {
    const from = offset
    const to = Math.min(source.count, offset + (run.careful ? 1 : pace.size))
    source.prepare(from, to)
    announcer.announce(run.run, run.start + from, to - from)
    const began = nowSeconds()
    failure = await step(to)
    const called = nowSeconds()
    part.computed(called - began)
    await turn()
    const now = nowSeconds()
    part.turned(now - called)
    pace.observe(to - from, now - began)
  }
  announcer.rest(run.run, run.start + offset)
  part.finishFold(run.start + offset, folded, failure)
}
