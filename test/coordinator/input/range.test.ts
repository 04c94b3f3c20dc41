import test from 'ava'
import fc from 'fast-check'
import { openRange, parseRange, range } from '../../../coordinator/input/range.js'
import { drain } from './drain.js'

const good: [string, number[]][] = [
  ['0..3', [0, 1, 2]],
  ['3..3', []],
  ['3..0', []],
  ['3..0..-1', [3, 2, 1]],
  ['0..10..4', [0, 4, 8]],
  ['-2..2', [-2, -1, 0, 1]],
  ['+1..3', [1, 2]],
  ['-0..1', [0]],
  ['9007199254740989..9007199254740991', [9007199254740989, 9007199254740990]],
]
for (const [text, values] of good)
  test(`the range ${text} is understood`, async t => {
    const items = parseRange(text)
    t.is(items.length, values.length)
    t.deepEqual([...items], values)
    t.deepEqual(
      await drain(openRange(items), 2),
      values.map(value => ({ value })),
    )
  })

test('underscores part digits', t => t.is(parseRange('10..5_000_000').length, 4_999_990))

const bad: [string, RegExp][] = [
  ['', /expected A\.\.B/],
  ['5', /expected A\.\.B/],
  ['1..2..3..4', /expected A\.\.B/],
  ['1..', /a bound is missing/],
  ['..5', /a bound is missing/],
  ['1...5', /"\.5" is no integer/],
  ['1.5..3', /"1\.5" is no integer/],
  ['a..b', /"a" is no integer/],
  ['1e3..2e3', /no integer/],
  ['0x10..0x20', /no integer/],
  ['1__0..20', /no integer/],
  ['0..10..0', /step is 0/],
  ['0..9007199254740993', /stop is 9007199254740992: expected an integer within/],
  ['-9007199254740991..9007199254740991', /wider than/],
]
for (const [text, message] of bad)
  test(`the range "${text}" is refused`, t => {
    t.regex(t.throws(() => parseRange(text), { instanceOf: RangeError })?.message ?? '', message)
  })

test('a range counts as a loop does', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: -50, max: 50 }),
      fc.integer({ min: -50, max: 50 }),
      fc.integer({ min: -9, max: 9 }),
      (start, stop, step) => {
        fc.pre(step !== 0)
        const values: number[] = []
        for (let value = start; step > 0 ? value < stop : value > stop; value += step) values.push(value)
        t.deepEqual([...range(start, stop, step)], values)
        t.is(range(start, stop, step).length, values.length)
      },
    ),
  )
})

test('a thousand million million items take no memory', async t => {
  const input = openRange(range(1e15))
  t.is(input.count, 1e15)
  t.deepEqual(await input.next(1e14, 1), { items: { form: 'range', start: 0, step: 1, count: 1e14 } })
  await input.close()
  t.is(await input.next(1, 1), undefined)
})
