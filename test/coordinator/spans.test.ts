import test from 'ava'
import fc from 'fast-check'
import { SpanSet } from '../../coordinator/spans.js'

test('what was added is not missing, and the gaps between are', t => {
  const set = new SpanSet()
  set.add(2, 4)
  set.add(6, 8)
  t.deepEqual(set.missing(0, 10), [
    { start: 0, end: 2 },
    { start: 4, end: 6 },
    { start: 8, end: 10 },
  ])
  t.deepEqual(set.missing(3, 7), [{ start: 4, end: 6 }])
  t.deepEqual(set.missing(2, 4), [])
  t.is(set.size, 4)
})

test('an empty span adds nothing', t => {
  const set = new SpanSet()
  set.add(3, 3)
  t.is(set.size, 0)
  t.deepEqual(set.missing(3, 3), [])
})

test('it says the same as a plain set, whatever is added in whatever order', t => {
  const span = fc
    .tuple(fc.nat({ max: 40 }), fc.nat({ max: 10 }))
    .map(([start, length]) => [start, start + length] as const)
  fc.assert(
    fc.property(fc.array(span, { maxLength: 25 }), span, (added, [from, to]) => {
      const set = new SpanSet()
      const plain = new Set<number>()
      for (const [start, end] of added) {
        set.add(start, end)
        for (let at = start; at < end; at++) plain.add(at)
      }
      const gaps = set.missing(from, to)
      const missing = gaps.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, nth) => start + nth))
      const expected = Array.from({ length: to - from }, (_, nth) => from + nth).filter(at => !plain.has(at))
      if (set.size !== plain.size) throw new Error(`size ${set.size}, not ${plain.size}`)
      if (missing.join() !== expected.join()) throw new Error(`missing ${missing}, not ${expected}`)
      // As few gaps as there can be, none of them empty.
      for (const [nth, gap] of gaps.entries())
        if (gap.start >= gap.end || gap.start === gaps[nth - 1]?.end) throw new Error('gaps touch')
    }),
    { numRuns: 5000 },
  )
  t.pass()
})
