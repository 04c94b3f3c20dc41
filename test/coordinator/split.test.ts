import test from 'ava'
import fc from 'fast-check'
import { Split } from '../../coordinator/split.js'
import { type Items, packValues, sizeOf, unpackItems } from '../../proto/items.js'

const batch = (start: number, count: number): Items =>
  packValues(Array.from({ length: count }, (_, nth) => (start % 2 === 0 ? start + nth + 0.5 : `item ${start + nth}`)))
    .items

test('batches get their indices in the order of reading, items that cannot be read between them', t => {
  const split = new Split()
  t.deepEqual(split.take(batch(0, 3)), { start: 0, end: 3 })
  t.deepEqual(split.skip(), { start: 3, end: 4 })
  t.deepEqual(split.take(batch(4, 2)), { start: 4, end: 6 })
  t.is(split.nextIndex, 6)
})

test('the items of a span are the same, however often it is asked for', t => {
  const split = new Split()
  split.take(batch(0, 3))
  split.take(batch(3, 4))
  for (let again = 0; again < 2; again++) {
    t.deepEqual(unpackItems(split.items({ start: 4, end: 6 })), ['item 4', 'item 5'])
    t.deepEqual(unpackItems(split.items({ start: 0, end: 3 })), [0.5, 1.5, 2.5])
  }
})

test('a batch is held until the last of its items is settled, and no longer', t => {
  const split = new Split()
  const items = batch(0, 3)
  split.take(items)
  split.settle({ start: 1, end: 3 })
  t.is(split.heldBytes, sizeOf(items))
  t.deepEqual(unpackItems(split.items({ start: 0, end: 1 })), [0.5])
  split.settle({ start: 0, end: 1 })
  t.is(split.heldBytes, 0)
  t.throws(() => split.items({ start: 0, end: 1 }), { message: 'items [0, 1) are not held' })
})

test('a span beyond one batch is refused', t => {
  const split = new Split()
  split.take(batch(0, 3))
  split.take(batch(3, 3))
  t.throws(() => split.items({ start: 2, end: 4 }), { message: 'items [2, 4) are not held' })
})

test('any open span has its items until it is settled, and at the end nothing is held', t => {
  const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.boolean()), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(sizes, fc.array(fc.nat({ max: 1000 }), { maxLength: 40 }), (batches, cuts) => {
      const split = new Split()
      const open = new Set<number>()
      const owner = new Map<number, number>()
      const values = new Map<number, unknown>()
      for (const [nth, [count, isSkipped]] of batches.entries()) {
        if (isSkipped) split.skip()
        const items = batch(split.nextIndex, count)
        const { start, end } = split.take(items)
        for (const [offset, value] of unpackItems(items).entries()) {
          open.add(start + offset)
          owner.set(start + offset, nth)
          values.set(start + offset, value)
        }
        if (end !== start + count) throw new Error('the span is not as long as its batch')
      }
      const settle = (start: number, length: number): void => {
        // Disjoint from what was settled, but over batches' borders.
        let end = start
        while (end < start + length && open.has(end)) open.delete(end++)
        if (end > start) split.settle({ start, end })
        for (const at of open) {
          const found = unpackItems(split.items({ start: at, end: at + 1 }))
          if (found.length !== 1 || found[0] !== values.get(at)) throw new Error(`item ${at} is ${found}`)
          if (open.has(at + 1) && owner.get(at) === owner.get(at + 1)) {
            const two = unpackItems(split.items({ start: at, end: at + 2 }))
            if (two[1] !== values.get(at + 1)) throw new Error(`item ${at + 1} is ${two[1]}`)
          }
        }
      }
      for (const cut of cuts) settle(cut % split.nextIndex, 1 + (cut % 5))
      for (let at = 0; at < split.nextIndex; at++) settle(at, 3)
      if (split.heldBytes !== 0) throw new Error(`${split.heldBytes} bytes are held`)
    }),
    { numRuns: 1500 },
  )
  t.pass()
})
