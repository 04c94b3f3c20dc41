import test from 'ava'
import fc from 'fast-check'
import { Gather, isComplete, outcomesBytes, sliceOutcomes } from '../../coordinator/gather.js'
import { unpackItems } from '../../proto/items.js'
import type { Outcomes } from '../../proto/outcome.js'

/** Every item that 7 divides fails. */
const outcomes = (start: number, end: number): Outcomes => {
  const indices = Array.from({ length: end - start }, (_, nth) => start + nth)
  const good = indices.filter(index => index % 7 !== 0)
  const failures = indices.filter(index => index % 7 === 0)
  return {
    start,
    end,
    values: { form: 'number', values: Float64Array.from(good) },
    failures: failures.map(index => ({ index, reason: 'error', message: `item ${index}` })),
  }
}
const spans = (list: readonly Outcomes[]) => list.map(({ start, end }) => [start, end])

test('spans in order go straight through', t => {
  const gather = new Gather({ ordered: true })
  t.deepEqual(spans(gather.step(outcomes(0, 3))), [[0, 3]])
  t.deepEqual(spans(gather.step(outcomes(3, 4))), [[3, 4]])
  t.is(gather.heldBytes, 0)
})

test('what comes early waits for what is before it', t => {
  const gather = new Gather({ ordered: true })
  t.deepEqual(gather.step(outcomes(5, 9)), [])
  t.deepEqual(gather.step(outcomes(3, 5)), [])
  t.is(gather.nextIndex, 0)
  t.is(gather.heldBytes, outcomesBytes(outcomes(3, 5)) + outcomesBytes(outcomes(5, 9)))
  t.deepEqual(spans(gather.step(outcomes(0, 3))), [
    [0, 3],
    [3, 5],
    [5, 9],
  ])
  t.is(gather.nextIndex, 9)
  t.is(gather.heldBytes, 0)
})

test('unordered, each span comes out as it comes in', t => {
  const gather = new Gather({ ordered: false })
  t.deepEqual(spans(gather.step(outcomes(5, 9))), [[5, 9]])
  t.is(gather.heldBytes, 0)
})

test('a slice has the values and the failures of its own items', t => {
  const slice = sliceOutcomes(outcomes(5, 16), { start: 7, end: 15 })
  t.deepEqual(
    slice.failures.map(({ index }) => index),
    [7, 14],
  )
  t.deepEqual(unpackItems(slice.values), [8, 9, 10, 11, 12, 13])
  t.true(isComplete(slice))
})

test('outcomes that are too few or too many are not complete', t => {
  const whole = outcomes(0, 5)
  t.true(isComplete(whole))
  t.false(isComplete({ ...whole, end: 6 }))
  t.false(isComplete({ ...whole, failures: [] }))
})

test('each span comes out once and in order, whatever the cuts and the order of arrival', t => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 59 })), fc.infiniteStream(fc.nat()), (cuts, picks) => {
      const borders = [0, ...cuts.sort((a, b) => a - b), 60]
      const parts = borders
        .slice(1)
        .map((end, nth) => sliceOutcomes(outcomes(0, 60), { start: borders[nth] as number, end }))
      const gather = new Gather({ ordered: true })
      let next = 0
      while (parts.length > 0) {
        const [part] = parts.splice((picks.next().value as number) % parts.length, 1) as [Outcomes]
        for (const ready of gather.step(part)) {
          if (ready.start !== next) throw new Error(`${ready.start} came out where ${next} is next`)
          next = ready.end
          const values = unpackItems(ready.values).join()
          if (values !== unpackItems(outcomes(ready.start, ready.end).values).join())
            throw new Error(`values ${values}`)
          if (!isComplete(ready)) throw new Error('not one outcome an item')
        }
        if (gather.nextIndex !== next) throw new Error('nextIndex is not what comes next')
      }
      if (next !== 60 || gather.heldBytes !== 0)
        throw new Error(`${next} items came out, ${gather.heldBytes} bytes held`)
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
