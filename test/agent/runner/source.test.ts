import test from 'ava'
import fc from 'fast-check'
import { sourceOf } from '../../../agent/runner/source.js'
import { packValues } from '../../../proto/items.js'

test('items are read in order, however early a chunk that was prepared ends', t => {
  const item = fc.oneof(fc.string(), fc.record({ a: fc.integer() }), fc.constant(null))
  const object = fc.record({ a: fc.integer(), b: fc.string(), c: fc.array(fc.boolean()) })
  fc.assert(
    fc.property(
      fc.oneof(fc.array(item, { maxLength: 40 }), fc.array(object, { maxLength: 40 })),
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

test('large items are not decoded before they are asked for', t => {
  const lines = [JSON.stringify('x'.repeat(200_000)), '{oops', '1']
  const source = sourceOf({ form: 'json', count: 3, text: Buffer.from(`${lines.join('\n')}\n`) })
  source.prepare(0, 1)
  t.is(source.at(0), 'x'.repeat(200_000))
  t.is(source.at(1), undefined)
  source.prepare(1, 3)
  t.throws(() => source.at(1))
  t.is(source.at(2), 1)
})

test('what cannot be read throws at its own offset and nowhere else, in lines and in columns', t => {
  const lines = Array.from({ length: 1000 }, (_, nth) => (nth % 300 === 7 ? '{oops' : `${nth}`))
  const text = Buffer.from(`${lines.join('\n')}\n`)
  const texts = { form: 'json', count: lines.length, text } as const
  const { items } = packValues(lines.map((_, nth) => ({ nth, list: [nth] })))
  if (items.form !== 'records') throw new Error('no records')
  const [numbers, lists] = items.columns
  if (numbers === undefined || lists?.kind !== 'texts') throw new Error('no texts')
  const records = { ...items, columns: [numbers, { ...lists, text }] }
  for (const [batch, valueAt] of [
    [texts, (nth: number): unknown => nth],
    [records, (nth: number): unknown => ({ nth, list: nth })],
  ] as const) {
    const source = sourceOf(batch)
    for (let from = 0; from < 1000; from += 90) {
      const to = Math.min(1000, from + 90)
      source.prepare(from, to)
      for (let nth = from; nth < to; nth++) {
        if (nth % 300 === 7) t.throws(() => source.at(nth), { instanceOf: SyntaxError })
        else t.deepEqual(source.at(nth), valueAt(nth))
      }
    }
  }
})
