import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { streamSource } from '../../../coordinator/input/byte-source.js'
import { openCsv } from '../../../coordinator/input/csv.js'
import { openJsonl } from '../../../coordinator/input/jsonl.js'
import { openLines } from '../../../coordinator/input/lines.js'
import { encodeValue } from '../../../proto/items.js'
import { anyValue } from '../../proto/any-value.js'
import { bytesSource, drain } from './drain.js'

const pieces = () => fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })

test('lines do not depend on how the bytes come or how they are taken', async t => {
  const line = fc.string({ unit: 'grapheme' }).map(text => text.replace(/[\n\r\ufeff]/g, ''))
  await fc.assert(
    fc.asyncProperty(
      fc.array(line),
      pieces(),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 60 }),
      async (lines, sizes, maxItems, maxBytes) => {
        const input = openLines(bytesSource(lines.map(one => `${one}\n`).join(''), sizes))
        t.deepEqual(
          await drain(input, maxItems, maxBytes),
          lines.map(value => ({ value })),
        )
      },
    ),
    { numRuns: 300 },
  )
})

test('what extended JSON says is read from lines as it was', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyValue()), pieces(), async (values, sizes) => {
      const input = openJsonl(bytesSource(values.map(value => `${encodeValue(value)}\n`).join(''), sizes))
      t.deepEqual(
        await drain(input),
        values.map(value => ({ value })),
      )
    }),
    { numRuns: 300 },
  )
})

test('good csv is read as csv-parse reads it', async t => {
  const field = fc.oneof(fc.string(), fc.constantFrom('', ',', '"', 'a\nb', '\r\n', ' x ', 'é'))
  const quoted = (text: string, always: boolean) =>
    always || /[",\r\n]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(field, { minLength: 3, maxLength: 3 })),
      pieces(),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      async (records, sizes, lineEnd, always) => {
        const text = ['a,b,c', ...records.map(record => record.map(one => quoted(one, always)).join())].join(lineEnd)
        const expected: unknown[] = parse(text, { columns: true, record_delimiter: lineEnd })
        t.deepEqual(
          await drain(openCsv(bytesSource(text, sizes))),
          expected.map(value => ({ value })),
        )
      },
    ),
    { numRuns: 300 },
  )
})

test('integers and floats are passed on as they are written', async t => {
  const input = openJsonl(bytesSource('1.0\n12345678901234567890123\n{"a": 1e2}\n'))
  const batch = await input.next(10, 1000)
  t.true(batch && 'items' in batch && batch.items.form === 'json')
  if (batch && 'items' in batch && batch.items.form === 'json')
    t.is(Buffer.from(batch.items.text).toString(), '1.0\n12345678901234567890123\n{"a": 1e2}\n')
})

test('a slow source does not hold up the items that are there', async t => {
  const stream = new PassThrough()
  const input = openLines(streamSource(stream, 'x'))
  stream.write('a\nb\nc')
  const first = await input.next(100, 1000)
  t.is(first && 'items' in first && first.items.form === 'json' ? first.items.count : 0, 2)
  const second = input.next(100, 1000)
  t.is(await Promise.race([second, sleep(20, 'waiting')]), 'waiting')
  stream.end('d\n')
  t.deepEqual(await second, { items: { form: 'json', count: 1, text: Buffer.from('"cd"\n') } })
  t.is(await input.next(100, 1000), undefined)
})

test('closing ends a read that waits', async t => {
  const input = openLines(streamSource(new PassThrough(), 'x'))
  const next = input.next(1, 1000)
  await input.close()
  t.is(await next, undefined)
  t.is(await input.next(1, 1000), undefined)
})

test('a read error says where', async t => {
  const stream = new PassThrough()
  const input = openLines(streamSource(stream, 'standard input'))
  stream.write('a\n')
  await input.next(1, 1000)
  stream.destroy(Object.assign(new Error('i/o error'), { code: 'EIO' }))
  await t.throwsAsync(() => input.next(1, 1000), { message: 'cannot read standard input: i/o error (EIO)' })
})

test('a source is not read ahead of what is taken', async t => {
  let given = 0
  const source = {
    name: 'x',
    read: async () => (given++ < 1000 ? Buffer.from('a\n'.repeat(100)) : undefined),
    close: async () => undefined,
  }
  const input = openLines(source)
  for (let at = 0; at < 10; at++) await input.next(10, 1000)
  t.is(given, 1)
})

test('a line without end is skipped without being held', async t => {
  let given = 0
  const chunk = Buffer.alloc(1 << 20, 97)
  const before = process.memoryUsage().rss
  const source = {
    name: 'x',
    read: async () => {
      given += 1
      return given <= 300 ? Buffer.from(chunk) : given === 301 ? Buffer.from('\nb\n') : undefined
    },
    close: async () => undefined,
  }
  const got = await drain(openLines(source, 1 << 20))
  t.is(got.length, 2)
  t.deepEqual(got[1], { value: 'b' })
  t.true(process.memoryUsage().rss - before < 200 << 20)
})
