// A whole output with some outcomes anew is the output that these outcomes would have made.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { csvFormat } from '../../../coordinator/output/csv.js'
import type { ElementFormat } from '../../../coordinator/output/elements.js'
import { f64Format } from '../../../coordinator/output/f64.js'
import type { Format, FormatOptions } from '../../../coordinator/output/format.js'
import { jsonFormat } from '../../../coordinator/output/json.js'
import { jsonlFormat } from '../../../coordinator/output/jsonl.js'
import { openMergedOutput } from '../../../coordinator/output/open.js'
import { outcomesOf, type Settled, settled, spansOf } from './outcomes.js'

const folder = mkdtempSync(join(tmpdir(), 'manyhands-merged-'))
test.after.always(() => rmSync(folder, { recursive: true }))

const bytesOf = (format: Format, items: readonly Settled[]): Buffer =>
  Buffer.concat([...format.encode(outcomesOf(items)), ...format.end()])

const record = fc.record({ a: fc.string(), 'b,': fc.oneof(fc.double(), fc.constantFrom(null, '"\n"', '\n')) })
const plain: FormatOptions = { tagged: false, unordered: false }
const tagged: FormatOptions = { tagged: true, unordered: false }
type Open = (options: FormatOptions, state?: unknown) => Format
const formats: [string, ElementFormat, FormatOptions, Open, fc.Arbitrary<unknown>?][] = [
  ['jsonl', 'jsonl', plain, jsonlFormat],
  ['jsonl, tagged', 'jsonl', tagged, jsonlFormat],
  ['json', 'json', plain, jsonFormat],
  ['json, tagged', 'json', tagged, jsonFormat],
  ['csv of objects', 'csv', plain, csvFormat, record],
  ['csv of texts', 'csv', plain, csvFormat, fc.string()],
  ['f64', 'f64', plain, f64Format, fc.double()],
]

for (const [name, format, options, open, value] of formats)
  test(`${name}: outcomes anew stand where the failed ones stood, and the rest stays`, async t => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(settled(value), settled(value), fc.array(fc.nat(30)), async (items, others, places) => {
        const path = join(folder, `${name.replaceAll(/\W/g, '-')}-${run++}`)
        const writer = open(options)
        writeFileSync(path, bytesOf(writer, items))
        const anew = items.flatMap((item, index) => ('message' in item ? [index] : []))
        const outcomes = anew.map((_, nth): Settled => others[nth] ?? { message: 'again' })
        const state = JSON.parse(JSON.stringify(writer.state())) as unknown
        const merged = await openMergedOutput(path, { ...options, format, state, anew })
        for (const span of spansOf(outcomes, places)) await merged.output.write(span)
        await merged.output.commit()
        const whole = [...items]
        anew.forEach((index, nth) => {
          whole[index] = outcomes[nth] as Settled
        })
        // A header is of the first value that there was.
        const first = items.findIndex(item => 'value' in item)
        const expected = open(options, first < 0 || format === 'json' ? undefined : state)
        const header = format === 'csv' && first >= 0 ? bytesOf(open(options), [items[first] as Settled]) : undefined
        const bytes = bytesOf(expected, whole)
        const line = header === undefined ? 0 : headerBytes(header)
        t.deepEqual(readFileSync(path), header === undefined ? bytes : Buffer.concat([header.subarray(0, line), bytes]))
      }),
      { numRuns: 200 },
    )
  })

/** The header of these tests' records holds no line feed. */
const headerBytes = (text: Buffer): number => text.indexOf('\n') + 1

for (const format of ['jsonl', 'json'] as const)
  for (const isTagged of [true, false])
    test(`unordered ${format}${isTagged ? ', tagged' : ''}: outcomes anew come last, and the failed ones go`, async t => {
      const options = { tagged: isTagged, unordered: true }
      const open = format === 'json' ? jsonFormat : jsonlFormat
      const path = join(folder, `unordered-${isTagged}.${format}`)
      const items: Settled[] = [
        { value: 1 },
        { message: 'no' },
        { value: { index: 3, failure: 1 } },
        { message: 'nor' },
      ]
      const writer = open(options)
      writeFileSync(path, bytesOf(writer, items))
      const merged = await openMergedOutput(path, { ...options, format, state: writer.state(), anew: [1, 3] })
      await merged.output.write(outcomesOf([{ value: 'now' }, { message: 'never' }]))
      await merged.output.commit()
      const text = readFileSync(path, 'utf8')
      const values = (
        format === 'json'
          ? JSON.parse(text)
          : text
              .trimEnd()
              .split('\n')
              .map(line => JSON.parse(line))
      ) as unknown[]
      const value = { index: 3, failure: 1 }
      t.deepEqual(
        values,
        isTagged
          ? [
              { index: 0, value: 1 },
              { index: 2, value },
              { index: 1, value: 'now' },
              { index: 3, failure: { reason: 'error', message: 'never' } },
            ]
          : [1, value, 'now'],
      )
    })
