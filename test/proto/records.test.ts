import test from 'ava'
import fc from 'fast-check'
import { itemsCodec } from '../../proto/blob-codec.js'
import { MessageError, wrap } from '../../proto/envelope.js'
import * as wire from '../../proto/gen/wire.js'
import {
  countOf,
  type Items,
  packLines,
  packValues,
  sizeOf,
  sliceItems,
  toTexts,
  unpackItems,
} from '../../proto/items.js'
import { buildEach, MOST_KEYS, readShape, shapeOf } from '../../proto/record-shape.js'
import type { Records } from '../../proto/records.js'
import { blockOf, copyRecords, readBlock } from '../../proto/records-block.js'
import { RecordWriter } from '../../proto/records-writer.js'
import { alikeObjects } from './any-value.js'

const packed = (...values: unknown[]): Records => {
  const { items } = packValues(values)
  if (items.form !== 'records') throw new Error(`packed as ${items.form}`)
  return items
}

const kindsOf = ({ columns }: Records): string => columns.map(({ kind }) => kind).join()

const keysOf = (values: readonly unknown[]): unknown[] =>
  values.map(value => (value !== null && typeof value === 'object' ? Object.keys(value) : []))

test('whatever objects hold, they arrive as records as they do as lines', t => {
  let records = 0
  fc.assert(
    fc.property(alikeObjects(), list => {
      const { items, unpackable } = packValues(list)
      const lines = packLines(list)
      t.deepEqual(unpackable, lines.unpackable)
      if (items.form === 'records') {
        records++
        // What is said is said of each in the same words, also to a language that tells integers from floats.
        t.deepEqual(toTexts(items), lines.items)
      }
      const sent = itemsCodec.decode(itemsCodec.encode(items))
      t.deepEqual(unpackItems(sent), unpackItems(lines.items))
      t.deepEqual(keysOf(unpackItems(sent)), keysOf(unpackItems(lines.items)))
    }),
    { numRuns: 3000 },
  )
  t.true(records > 1000, `${records} lists became records`)
})

test('a member travels in the cheapest form that says it', t => {
  t.is(
    kindsOf(packed({ a: 1, b: true, c: 'x', d: [1] }, { a: -0, b: false, c: '', d: null })),
    'numbers,booleans,strings,texts',
  )
  t.is(kindsOf(packed({ a: 1, b: 1, c: 'a' }, { a: Number.NaN, b: null, c: 'a\nb' })), 'numbers,texts,texts')
  t.is(kindsOf(packed({ a: 'x', b: 1n, c: '\ud800' }, { a: 1, b: 2n, c: '' })), 'texts,texts,texts')
  t.is(kindsOf(packed({ a: new Uint8Array(2) })), 'texts')
})

test('dates travel as the strings that they are in JSON', t => {
  const own = Object.assign(new Date(0), { toJSON: (key: string) => key })
  const dates = [{ at: new Date(0) }, { at: new Date(Date.UTC(2024, 1, 29, 1, 2, 3, 4)) }]
  t.is(kindsOf(packed(...dates)), 'strings')
  t.deepEqual(unpackItems(packed(...dates)), [{ at: '1970-01-01T00:00:00.000Z' }, { at: '2024-02-29T01:02:03.004Z' }])
  const invalid = [...dates, { at: new Date(Number.NaN) }]
  t.deepEqual(toTexts(packed(...invalid)), packLines(invalid).items)
  t.is(packValues([{ at: own }]).items.form, 'json')
})

test('half a pair of surrogates is not completed by a neighbour', t => {
  const values = [{ a: 'x\ud83d' }, { a: '\ude00y' }]
  t.deepEqual(unpackItems(packed(...values)), values)
})

class Point {
  readonly x = 1
}

const strangers: [string, unknown[]][] = [
  [
    'another order of keys',
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
  ],
  ['a key less', [{ a: 1, b: 2 }, { a: 1 }]],
  ['a key more', [{ a: 1 }, { a: 1, b: 2 }]],
  ['a member that is undefined', [{ a: 1, b: undefined }]],
  ['no keys', [{}]],
  ['an array', [[1]]],
  ['null', [{ a: 1 }, null]],
  ['a key of extended JSON', [{ $number: 'NaN' }]],
  ['the key __proto__', [JSON.parse('{"__proto__":1,"a":2}')]],
  ['a toJSON', [{ a: 1, toJSON: () => 5 }]],
  ['a member with a toJSON', [{ a: { toJSON: (key: string) => key } }]],
  ['a member with an escape in it', [{ a: [1n] }]],
  ['a class', [new Point()]],
  ['a long string', [{ a: 'x'.repeat(100_000) }]],
  ['a long member', [{ a: ['x'.repeat(100_000)] }]],
  ['long keys', [{ ['x'.repeat(5000)]: 1 }]],
  ['many keys', [Object.fromEntries(Array.from({ length: MOST_KEYS + 1 }, (_, nth) => [`k${nth}`, nth]))]],
]
for (const [what, values] of strangers)
  test(`lines are for ${what}`, t => {
    const { items } = packValues(values)
    t.is(items.form, 'json')
    t.deepEqual(items, packLines(values).items)
  })

test('what a getter throws, and what has no form, is named by its place', t => {
  const bad = {
    get a() {
      throw new Error('mine')
    },
  }
  const { items, unpackable } = packValues([{ a: 1 }, bad, { a: () => 1 }, { a: 2 }])
  t.deepEqual(unpackItems(items), [{ a: 1 }, { a: 2 }])
  t.deepEqual(
    unpackable.map(({ offset }) => offset),
    [1, 2],
  )
  t.regex(unpackable[1]?.message ?? '', /^value\.a is a function/)
})

test('a value that is no record leaves those before it as they were', t => {
  const writer = new RecordWriter()
  t.true(writer.push({ a: 1, b: 'x' }))
  t.false(writer.push({ a: 'changes the column', b: undefined }))
  t.false(writer.push(5))
  t.true(writer.push({ a: 2, b: 'y' }))
  const records = writer.end() as Records
  t.is(writer.count, 2)
  t.deepEqual(unpackItems(records), [
    { a: 1, b: 'x' },
    { a: 2, b: 'y' },
  ])
})

test('what becomes of an object after it was taken changes nothing', t => {
  const writer = new RecordWriter()
  const value = { a: 1, list: [1] }
  writer.push(value)
  value.a = 2
  value.list.push(2)
  t.deepEqual(unpackItems(writer.end() as Items), [{ a: 1, list: [1] }])
})

test('objects are made in the same way where code may not be made from text', t => {
  const keys = ['b', '7', 'toString', 'a"\u2028']
  const columns = [[1, 2], Float64Array.of(0.5, 1), ['x', 'y'], [null, [1]]]
  const objects = shapeOf(keys)?.build(columns, 2)
  t.deepEqual(objects, buildEach(keys, columns, 2))
  t.deepEqual(Object.keys(objects?.[1] ?? {}), ['7', 'b', 'toString', 'a"\u2028'])
})

test('records know their size, and a copy has memory of its own', t => {
  const records = packed({ a: 1, b: 'abc' }, { a: 2, b: '' })
  t.is(sizeOf(records), 16 + 5 + '["a","b"]'.length)
  const copy = copyRecords(sliceItems(records, 1, 2) as Records)
  t.deepEqual(unpackItems(copy), [{ a: 2, b: '' }])
  const first = copy.columns[0]
  t.true(first?.kind === 'numbers' && first.values.buffer.byteLength < 100)
})

test('a slice of records is a view', t => {
  const values = Array.from({ length: 2000 }, (_, nth) => ({ nth, name: `name ${nth}` }))
  const records = packed(...values)
  const slice = sliceItems(records, 700, 900) as Records
  t.deepEqual(unpackItems(slice), values.slice(700, 900))
  for (const [nth, column] of slice.columns.entries()) {
    const whole = records.columns[nth]
    const bufferOf = (each: typeof whole) => each && ('text' in each ? each.text : each.values).buffer
    t.is(bufferOf(column), bufferOf(whole))
  }
  t.is(sliceItems(records, 5, 5).form, 'json')
})

test('keys that have no shape are refused, and the same keys have one shape', t => {
  t.is(readShape('[ "a" ]'), readShape('["a"]'))
  t.is(shapeOf(['a']), readShape('["a"]'))
  const wide = JSON.stringify(Array.from({ length: MOST_KEYS + 1 }, (_, nth) => `${nth}`))
  const long = JSON.stringify(['x'.repeat(5000)])
  for (const text of ['', '{', '{}', '[]', '[1]', '["a","a"]', '["$number"]', '["__proto__"]', wide, long])
    t.throws(() => readShape(text), { instanceOf: RangeError })
})

test('keys are names and never a part of a program', t => {
  const key = '"]:0}};globalThis.polluted=1;({["'
  t.deepEqual(unpackItems(packed({ [key]: 1 })), [{ [key]: 1 }])
  t.false('polluted' in globalThis)
})

test('a block that does not add up is refused', t => {
  const block = Buffer.from(blockOf(packed({ a: 1, b: true, c: 'x' }, { a: 2, b: false, c: 'y' })))
  t.is(countOf(readBlock(block)), 2)
  const changed = (change: (copy: Buffer) => void): Buffer => {
    const copy = Buffer.from(block)
    change(copy)
    return copy
  }
  const head = (at: number, value: number) => changed(copy => copy.writeUInt32LE(value, at))
  const refused = [
    Buffer.alloc(0),
    Buffer.alloc(11),
    block.subarray(0, block.length - 8),
    Buffer.concat([block, Buffer.alloc(8)]),
    ...[0, 1, 3, 0xffff_ffff].map(count => head(0, count)),
    ...[0, 2, 4, 0xffff_ffff].map(width => head(4, width)),
    ...[0, 5, 0xffff_ffff].map(keysBytes => head(8, keysBytes)),
    ...[1, 4, 0xffff_ffff].map(kind => head(12, kind)),
    ...[0, 8, 24, 0xffff_ffff].map(bytes => head(16, bytes)),
  ]
  for (const bytes of refused) t.throws(() => readBlock(bytes), { instanceOf: RangeError })
  const message = (value: Buffer, count: bigint) =>
    wrap('items', wire.Items.encode({ count, form: { $case: 'records', value }, padding: new Uint8Array() }).finish())
  t.notThrows(() => itemsCodec.decode(message(block, 2n)))
  const strings = block.length - 8
  const wrong: [Buffer, bigint][] = [
    [block, 3n],
    [changed(copy => copy.write('\n', strings)), 2n],
    [changed(copy => copy.write('x', strings + 1)), 2n],
    [changed(copy => copy.write('x', strings + 3)), 2n],
    [head(28 + 4, 3), 2n],
  ]
  for (const [value, count] of wrong)
    t.throws(() => itemsCodec.decode(message(value, count)), { instanceOf: MessageError })
})
