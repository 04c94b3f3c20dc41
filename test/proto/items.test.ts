import test from 'ava'
import fc from 'fast-check'
import {
  countOf,
  halvesOf,
  type Items,
  joinItems,
  packLines,
  packValues,
  sizeOf,
  sliceItems,
  smallWholesAt,
  toJsonLines,
  toTexts,
  unpackItems,
  wholeAt,
} from '../../proto/items.js'
import { alikeObjects, anyValue } from './any-value.js'

const textOf = (items: Items): string => Buffer.from(toJsonLines(items)).toString()

/** What each item arrives as, also in a language that tells integers from floats. */
const arrivals = (items: Items): string[] => {
  switch (items.form) {
    case 'range':
      return Array.from({ length: items.count }, (_, at) => `int ${items.start + items.step * at}`)
    case 'i64':
      return Array.from(items.values, value => `int ${value}`)
    case 'f64':
      return Array.from(items.values, value => float(value))
    case 'number':
      return Array.from(items.values, value =>
        Number.isSafeInteger(value) && !Object.is(value, -0) ? `int ${value}` : float(value),
      )
    case 'records':
      return arrivals(toTexts(items))
    case 'json':
      return Buffer.from(items.text).toString().split('\n').slice(0, -1).map(arrivalOfText)
  }
}
const float = (value: number) => (Object.is(value, -0) ? 'float -0' : `float ${value}`)
const arrivalOfText = (text: string) => {
  if (/^-?\d+$/.test(text)) return `int ${text}`
  if (/^-?\d/.test(text)) return float(Number(text))
  const special = /^\{"\$number":"(.*)"\}$/.exec(text)
  return special ? float(Number(special[1])) : `json ${text}`
}

const number = () =>
  fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), fc.constantFrom(-0, 0, Number.NaN, 1e20, 2 ** 53))
const values = () =>
  fc.oneof(
    fc.array(fc.oneof(anyValue(), fc.constant(undefined))),
    alikeObjects(),
    fc.array(number()),
    fc.array(fc.integer()),
    fc.array(fc.double()),
  )
const batch = (): fc.Arbitrary<Items> =>
  fc.oneof(
    values().map(list => packValues(list).items),
    fc.array(number()).map(list => ({ form: 'f64' as const, values: Float64Array.from(list) })),
    fc.array(number()).map(list => ({ form: 'number' as const, values: Float64Array.from(list) })),
    fc
      .array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
      .map(list => ({ form: 'i64' as const, values: BigInt64Array.from(list) })),
    fc
      .record({
        start: fc.integer(),
        step: fc.integer({ min: -9, max: 9 }).filter(step => step !== 0),
        count: fc.nat(40),
      })
      .map(range => ({ form: 'range' as const, ...range })),
  )

test('packed values come back as they were', t => {
  fc.assert(
    fc.property(values(), list => {
      const { items, unpackable } = packValues(list)
      t.deepEqual(unpackable, [])
      t.is(countOf(items), list.length)
      t.deepEqual(unpackItems(items), list)
    }),
    { numRuns: 1000 },
  )
})

test('numbers are packed by what they are', t => {
  t.is(packValues([1, 2 ** 53 - 1, -5]).items.form, 'i64')
  t.is(packValues([-0, 0.5, Number.NaN, 2 ** 53]).items.form, 'f64')
  t.is(packValues([1, 0.5]).items.form, 'number')
  t.is(packValues([1, '']).items.form, 'json')
  t.is(packValues([{ a: 1 }, { a: '' }]).items.form, 'records')
  t.is(packValues([{ a: 1 }, { b: 1 }]).items.form, 'json')
  t.is(packValues([1n]).items.form, 'json')
  t.deepEqual(
    [...(packValues([0, -1, 2 ** 53 - 1, 1 - 2 ** 53]).items as { values: BigInt64Array }).values],
    [0n, -1n, 2n ** 53n - 1n, 1n - 2n ** 53n],
  )
})

test('a value without a form is named by its place and leaves its neighbours alone', t => {
  const { items, unpackable } = packValues([
    1,
    () => 1,
    'a',
    {
      toJSON: () => {
        throw new Error('mine')
      },
    },
  ])
  t.deepEqual(unpackItems(items), [1, 'a'])
  t.deepEqual(
    unpackable.map(one => one.offset),
    [1, 3],
  )
  t.regex(unpackable[0]?.message ?? '', /function/)
  t.is(unpackable[1]?.message, 'mine')
})

test('cutting and joining anywhere changes nothing of what an item arrives as, nor its line', t => {
  fc.assert(
    fc.property(batch(), fc.array(fc.nat(60)), (items, places) => {
      const cuts = [0, ...places.filter(at => at <= countOf(items)).sort((a, b) => a - b), countOf(items)]
      const pieces = cuts.slice(1).map((to, nth) => sliceItems(items, cuts[nth] as number, to))
      t.deepEqual(arrivals(joinItems(pieces)), arrivals(items))
      t.is(pieces.map(textOf).join(''), textOf(items))
      t.is(textOf(joinItems(pieces)), textOf(items))
    }),
    { numRuns: 1000 },
  )
})

test('batches of any forms join without changing an item or its line', t => {
  fc.assert(
    fc.property(fc.array(batch(), { maxLength: 4 }), batches => {
      const joined = joinItems(batches)
      t.deepEqual(arrivals(joined), batches.flatMap(arrivals))
      t.deepEqual(unpackItems(joined), batches.flatMap(unpackItems))
      t.is(textOf(joined), batches.map(textOf).join(''))
    }),
    { numRuns: 1000 },
  )
})

test('contiguous ranges join to a range, others to integers', t => {
  const range = (start: number, step: number, count: number): Items => ({ form: 'range', start, step, count })
  t.deepEqual(joinItems([range(0, 2, 5), range(10, 2, 3)]), range(0, 2, 8))
  t.deepEqual(joinItems([range(0, 1, 1), range(7, 7, 2)]), range(0, 7, 3))
  t.is(joinItems([range(0, 2, 5), range(11, 2, 3)]).form, 'i64')
  t.is(sizeOf(range(0, 1, 1e9)), 16)
})

test('a slice of text is a view', t => {
  const { items } = packValues(Array.from({ length: 1000 }, (_, at) => `line ${at}`))
  const slice = sliceItems(items, 700, 900)
  t.is((slice as { text: Uint8Array }).text.buffer, (items as { text: Uint8Array }).text.buffer)
  t.is(unpackItems(slice)[0], 'line 700')
})

test('a batch that says more items than its text holds is an error', t => {
  t.throws(() => sliceItems({ form: 'json', count: 5, text: Buffer.from('1\n2\n') }, 1, 4), { instanceOf: RangeError })
})

/** Standard JSON as toJsonLines promises it, said a second way. */
const plain = (value: unknown): unknown => {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return Number(value)
  if (value === undefined) return null
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
  return value
}

test('lines are standard JSON of the values', t => {
  fc.assert(
    fc.property(values(), list => {
      const lines = textOf(packValues(list).items).split('\n')
      t.is(lines.pop(), '')
      t.deepEqual(
        lines.map(line => JSON.parse(line)),
        list.map(plain),
      )
    }),
    { numRuns: 2000 },
  )
})

const plainLines: [string, string][] = [
  ['{"$number":"NaN"}', '"NaN"'],
  ['{ "$bigint" : "12" }', '12'],
  ['[{"$undefined":true},{"$bytes":"aGk="}]', '[null,{"$bytes":"aGk="}]'],
  ['{"$escape":{"$escape":{"$number":"NaN"}}}', '{"$escape":"NaN"}'],
  ['{"$escape":{"$number":"NaN"}}', '{"$number":"NaN"}'],
  ['{"$escape":{"$number":"NaN"},"b":[{"$number":"NaN"}]}', '{"$escape":"NaN","b":["NaN"]}'],
  ['{"$escape":{"$escape":{"$escape":{"$bigint":"1"}}}}', '{"$escape":{"$bigint":"1"}}'],
  ['"{\\"$number\\":\\"NaN\\"} 5.0 -0.0"', '"{\\"$number\\":\\"NaN\\"} 5.0 -0.0"'],
  ['5.0', '5'],
  ['[5.0,-0.0,12345678901234567890.0]', '[5.0,-0,12345678901234567890]'],
  ['12345678901234567891', '12345678901234567891'],
]
for (const [text, line] of plainLines)
  test(`${text} becomes the line ${line}`, t => {
    for (const [before, after] of [
      ['', ''],
      ['0\n', '0\n'],
    ] as const)
      t.is(textOf({ form: 'json', count: 1, text: Buffer.from(`${before}${text}\n`) }), `${after}${line}\n`)
  })

test('text without escapes is passed through', t => {
  const { items } = packLines(['a', { b: 1.5 }])
  t.is(toJsonLines(items), (items as { text: Uint8Array }).text)
})

test('integers come out of their halves as they went in, small ones in stretches', t => {
  const edges = [
    0,
    -1,
    1,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 32,
    -(2 ** 32),
    2 ** 53 - 1,
    1 - 2 ** 53,
  ]
  const integer = fc.oneof(fc.constantFrom(...edges), fc.integer(), fc.maxSafeInteger())
  fc.assert(
    fc.property(fc.array(integer), fc.integer({ min: 1, max: 8 }), (list, most) => {
      const halves = halvesOf(BigInt64Array.from(list, BigInt))
      t.deepEqual(
        list.map((_, at) => wholeAt(halves, at)),
        list,
      )
      const room = new Int32Array(most)
      for (let from = 0; from < list.length; from++) {
        const count = smallWholesAt(halves, from, list.length, room)
        t.deepEqual([...room.subarray(0, count)], list.slice(from, from + count))
        const next = list[from + count]
        if (count < most && next !== undefined) t.not(next | 0, next, `${next} has 32 bits`)
      }
    }),
  )
})
