import test from 'ava'
import fc from 'fast-check'
import { openRange, range } from '../../coordinator/input/range.js'
import { openValues } from '../../coordinator/input/values.js'
import { type SpreadLimits, spreadOf, spreadOfRange } from '../../coordinator/spread.js'
import { countOf, type Items, unpackItems } from '../../proto/items.js'

const limits = (over: Partial<SpreadLimits> = {}): SpreadLimits => ({
  items: 100,
  bytes: 1e6,
  seconds: 60,
  clock: () => 0,
  ...over,
})
const slice = (start: number, count: number): Items => ({ form: 'range', start, step: 1, count })

test('of a range it has blocks from all over, none twice, each item at its place', t => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), total => {
        const { picks, isWhole } = spreadOfRange(total, slice)
        const sorted = [...picks].sort((a, b) => a.start - b.start)
        let end = 0
        for (const { start, items } of sorted) {
          if (start < end || (items.form === 'range' && items.start !== start)) return false
          end = start + countOf(items)
        }
        const halves = sorted.filter(({ start }) => start >= total / 2).length
        return isWhole && end <= total && (total < 64 || (halves >= 30 && halves <= 34))
      }),
    ),
  )
})

test('of any other input it has items from all over, and how many there are', async t => {
  const words = Array.from({ length: 10_000 }, (_, nth) => `word ${nth}`)
  const { picks, total, isWhole } = await spreadOf(openValues(words), limits())
  t.is(total, 10_000)
  t.true(isWhole)
  t.is(picks.length, 100)
  t.is(new Set(picks.map(({ start }) => start)).size, 100)
  for (const { start, items } of picks) t.deepEqual(unpackItems(items), [`word ${start}`])
  const late = picks.filter(({ start }) => start >= 5000).length
  t.true(late > 30 && late < 70, `${late} of the second half`)
})

test('every item is about as likely as every other', async t => {
  const seen = new Array<number>(10).fill(0)
  const { picks } = await spreadOf(openRange(range(100_000)), limits({ items: 5000 }))
  for (const { start } of picks) {
    const tenth = Math.floor(start / 10_000)
    seen[tenth] = (seen[tenth] ?? 0) + 1
  }
  for (const count of seen) t.true(count > 400 && count < 600, seen.join(' '))
})

test('what is kept is bounded in bytes', async t => {
  const large = Array.from({ length: 200 }, (_, nth) => String(nth).padEnd(10_000))
  const { picks } = await spreadOf(openValues(large), limits({ bytes: 100_000 }))
  t.true(picks.length > 2 && picks.length <= 10)
})

test('an item that cannot be read counts and is not tried', async t => {
  const { picks, total } = await spreadOf(openValues([1, () => 1, 3]), limits())
  t.is(total, 3)
  t.deepEqual(picks.map(({ start }) => start).sort(), [0, 2])
})

test('reading ends after its time, and says that it did not come to the end', async t => {
  let now = 0
  const endless = (function* () {
    for (let nth = 0; ; nth++) yield nth
  })()
  const { total, isWhole } = await spreadOf(openValues(endless), limits({ seconds: 3, clock: () => now++ }))
  t.false(isWhole)
  t.true(total > 0)
})
