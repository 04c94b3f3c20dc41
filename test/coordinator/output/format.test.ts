import test from 'ava'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { csvFormat } from '../../../coordinator/output/csv.js'
import { f64Format } from '../../../coordinator/output/f64.js'
import type { Format, FormatOptions } from '../../../coordinator/output/format.js'
import { jsonFormat } from '../../../coordinator/output/json.js'
import { jsonlFormat } from '../../../coordinator/output/jsonl.js'
import type { Outcomes } from '../../../proto/outcome.js'
import { outcomesOf, type Settled, settled, spansOf, valuesOutcomes } from './outcomes.js'

const plain: FormatOptions = { tagged: false, unordered: false }
const tagged: FormatOptions = { tagged: true, unordered: false }
const unordered: FormatOptions = { tagged: false, unordered: true }

const bytesOf = (format: Format, spans: readonly Outcomes[]): Buffer => {
  const pieces: Uint8Array[] = []
  for (const span of spans) pieces.push(...format.encode(span))
  return Buffer.concat([...pieces, ...format.end()])
}
const textOf = (format: Format, spans: readonly Outcomes[]) => bytesOf(format, spans).toString()

const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, Number.NaN, 1e20, 2 ** 53))
const record = fc.record({
  a: fc.oneof(fc.string(), number, fc.bigInt()),
  'b,': fc.oneof(fc.boolean(), fc.array(number), fc.constant(null)),
})
const formats: [string, (state?: unknown) => Format, fc.Arbitrary<unknown>?][] = [
  ['jsonl', () => jsonlFormat(plain)],
  ['jsonl, tagged', () => jsonlFormat(tagged)],
  ['jsonl, unordered', () => jsonlFormat(unordered)],
  ['json', state => jsonFormat(plain, state)],
  ['json, tagged', state => jsonFormat(tagged, state)],
  ['csv of scalars', state => csvFormat(plain, state), fc.oneof(number, fc.string(), fc.boolean(), fc.bigInt())],
  ['csv of numbers', state => csvFormat(plain, state), number],
  ['csv of objects', state => csvFormat(plain, state), record],
  ['csv, unordered', state => csvFormat(unordered, state), record],
  ['f64', () => f64Format(plain), number],
]
for (const [name, open, value] of formats)
  test(`the bytes of ${name} do not depend on how the outcomes were cut`, t => {
    fc.assert(
      fc.property(settled(value), fc.array(fc.nat(30)), (items, places) => {
        t.deepEqual(bytesOf(open(), spansOf(items, places)), bytesOf(open(), spansOf(items, [])))
      }),
      { numRuns: 300 },
    )
  })

for (const [name, open, value] of formats)
  test(`another process goes on with ${name} where the first one was`, t => {
    fc.assert(
      fc.property(settled(value), fc.array(fc.nat(30)), fc.nat(30), (items, places, moment) => {
        const spans = spansOf(items, places)
        const first = open()
        const before = spans.slice(0, moment).flatMap(span => [...first.encode(span)])
        const second = open(JSON.parse(JSON.stringify(first.state())))
        t.deepEqual(Buffer.concat([...before, bytesOf(second, spans.slice(moment))]), bytesOf(open(), spans))
      }),
      { numRuns: 300 },
    )
  })

const some: Settled[] = [{ value: 1 }, { message: 'no' }, { value: 'a\n' }, { value: { b: [1.5] } }, { message: 'nor' }]

test('a failed item is a null line in order, and none unordered', t => {
  t.is(textOf(jsonlFormat(plain), [outcomesOf(some)]), '1\nnull\n"a\\n"\n{"b":[1.5]}\nnull\n')
  t.is(textOf(jsonlFormat(unordered), [outcomesOf(some)]), '1\n"a\\n"\n{"b":[1.5]}\n')
})

test('tagged lines say the index and what became of the item', t => {
  const lines = textOf(jsonlFormat(tagged), [outcomesOf(some, 7)])
    .trimEnd()
    .split('\n')
  t.deepEqual(
    lines.map(line => JSON.parse(line)),
    [
      { index: 7, value: 1 },
      { index: 8, failure: { reason: 'error', message: 'no' } },
      { index: 9, value: 'a\n' },
      { index: 10, value: { b: [1.5] } },
      { index: 11, failure: { reason: 'error', message: 'nor' } },
    ],
  )
  const failures = [{ index: 0, reason: 'crash' as const, message: 'm', stack: 's', stderr: 'e' }]
  const text = textOf(jsonlFormat(tagged), [{ ...outcomesOf([]), end: 1, failures }])
  t.deepEqual(JSON.parse(text), { index: 0, failure: { reason: 'crash', message: 'm', stack: 's', stderr: 'e' } })
})

test('an array is JSON, empty or not', t => {
  t.is(textOf(jsonFormat(plain), []), '[]\n')
  t.is(textOf(jsonFormat(plain), [outcomesOf(some)]), '[\n1,\nnull,\n"a\\n",\n{"b":[1.5]},\nnull\n]\n')
  fc.assert(
    fc.property(settled(), items => {
      t.is((JSON.parse(textOf(jsonFormat(plain), [outcomesOf(items)])) as unknown[]).length, items.length)
    }),
  )
})

test('csv has the columns of the first value', t => {
  const items: Settled[] = [
    { message: 'no' },
    { value: { a: 'x"y', b: 1, c: null } },
    { value: { c: [1, 'z'], a: '', b: undefined } },
    { value: { b: 10n } },
    { message: 'no' },
  ]
  t.is(textOf(csvFormat(plain), [outcomesOf(items)]), 'a,b,c\n,,\n"x""y",1,\n"",,"[1,""z""]"\n,10,\n,,\n')
})

test('csv of scalars has one column, and no row is a blank line', t => {
  const items: Settled[] = [1, -0.5, '', null, true, Number.NaN, 'a,b', [1]].map(value => ({ value }))
  t.is(textOf(csvFormat(plain), [outcomesOf(items)]), 'value\n1\n-0.5\n""\n""\ntrue\nNaN\n"a,b"\n[1]\n')
  t.is(textOf(csvFormat(plain), [outcomesOf([{ message: 'a' }, { message: 'b' }])]), 'value\n""\n""\n')
  t.is(
    textOf(csvFormat(plain), [outcomesOf([{ message: 'a' }, { value: { only: 1 } }, { message: 'b' }])]),
    'only\n""\n1\n""\n',
  )
})

test('csv of strings is read back as they were', t => {
  fc.assert(
    fc.property(fc.array(fc.record({ a: fc.string({ unit: 'binary' }), b: fc.string() }), { minLength: 1 }), values => {
      const text = textOf(csvFormat(plain), [outcomesOf(values.map(value => ({ value })))])
      const well = values.map(({ a, b }) => ({ a: Buffer.from(a).toString(), b }))
      t.deepEqual(parse(text, { columns: true, record_delimiter: '\n' }), well)
    }),
  )
})

test('a value that csv has no column for ends the job with its index', t => {
  const write = (...values: unknown[]) =>
    textOf(csvFormat(plain), [
      outcomesOf(
        values.map(value => ({ value })),
        40,
      ),
    ])
  t.throws(() => write({ a: 1 }, { a: 1, b: 2 }), { message: /^item 41 .* the key "b", which the first value had not/ })
  t.throws(() => write({ a: 1 }, 5), { message: /^item 41 .* is no object/ })
  t.is(write(5, { a: 1 }), 'value\n5\n"{""a"":1}"\n')
})

test('doubles are written as they are, failed items as NaN', t => {
  const doubles = (format: Format, items: Settled[]) => {
    const bytes = bytesOf(format, [outcomesOf(items)])
    return Array.from({ length: bytes.length / 8 }, (_, at) => bytes.readDoubleLE(at * 8))
  }
  const items: Settled[] = [{ value: 1 }, { message: '' }, { value: -0 }, { value: 10n }, { value: Infinity }]
  t.deepEqual(doubles(f64Format(plain), items), [1, Number.NaN, -0, 10, Infinity])
  t.deepEqual(doubles(f64Format(unordered), items), [1, -0, 10, Infinity])
  t.throws(() => doubles(f64Format(plain), [{ value: 1 }, { message: '' }, { value: '3' }]), {
    message: /^item 2 cannot be written as a double: its value is a string/,
  })
  t.throws(() => doubles(f64Format(plain), [{ value: { a: 1 } }]), { message: /its value is an object; use \.jsonl$/ })
})

test('packed doubles are written without a copy', t => {
  const values = Float64Array.of(1, 2, 3)
  const [bytes] = f64Format(plain).encode(valuesOutcomes({ form: 'f64', values }, 3))
  t.is((bytes as Uint8Array).buffer, values.buffer)
})

test('the value of a fold is one item', t => {
  t.is(textOf(jsonlFormat(plain), [valuesOutcomes({ form: 'f64', values: Float64Array.of(42) }, 1000)]), '42\n')
})

test('formats without a place for failures refuse tags', t => {
  t.throws(() => csvFormat(tagged), { message: /--tagged/ })
  t.throws(() => f64Format(tagged), { message: /--tagged/ })
})
