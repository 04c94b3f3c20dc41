import test from 'ava'
import fc from 'fast-check'
import { sourceOf } from '../../../agent/runner/source.js'
import { packValues } from '../../../proto/items.js'

test('items are read in order, however early a chunk that was prepared ends', t => {
  const item = fc.oneof(fc.string(), fc.record({ a: fc.integer() }), fc.constant(null))
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 40 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(9))),
      (values, chunks) => {
        const source = sourceOf(packValues(values).items)
        const read: unknown[] = []
        for (const [size, early] of [...chunks, ...values.map(() => [3, 0] as const)]) {
          const from = read.length
          const to = Math.min(values.length, from + size)
          if (from === to) break
          source.prepare(from, to)
          for (let offset = from; offset < Math.max(from + 1, to - early); offset++) read.push(source.at(offset))
        }
        t.deepEqual(read, values)
      },
    ),
    { numRuns: 500 },
  )
})
