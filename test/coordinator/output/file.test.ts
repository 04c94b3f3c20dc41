import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { f64Format } from '../../../coordinator/output/f64.js'
import { fileMark, openFileOutput } from '../../../coordinator/output/file.js'
import { jsonlFormat } from '../../../coordinator/output/jsonl.js'
import { openOutput } from '../../../coordinator/output/open.js'
import { outcomesOf, type Settled, valuesOutcomes } from './outcomes.js'

const folder = mkdtempSync(join(tmpdir(), 'manyhands-output-'))
test.after.always(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
const read = (name: string) => readFileSync(at(name), 'utf8')
const two: Settled[] = [{ value: 1 }, { value: 'b' }]
const options = { tagged: false, unordered: false }

test('a file gets its name when it is whole', async t => {
  writeFileSync(at('a.jsonl'), 'before')
  const output = await openOutput(at('a.jsonl'))
  await output.write(outcomesOf(two))
  t.is(read('a.jsonl'), 'before')
  await output.commit()
  await output.commit()
  await output.abandon()
  t.is(read('a.jsonl'), '1\n"b"\n')
  t.false(existsSync(at('a.jsonl.part')))
})

test('of two that write one file the later one has it whole, and the other is told', async t => {
  for (const first of ['earlier', 'later']) {
    const earlier = await openOutput(at('both.jsonl'))
    await earlier.write(outcomesOf(two))
    const later = await openOutput(at('both.jsonl'))
    await later.write(outcomesOf([{ value: 'later' }]))
    const commits = [
      () => t.throwsAsync(() => earlier.commit(), { message: /both\.jsonl: another command .* writes it too$/ }),
      () => later.commit(),
    ]
    for (const commit of first === 'earlier' ? commits : commits.reverse()) await commit()
    await earlier.abandon()
    t.is(read('both.jsonl'), '"later"\n')
    t.false(existsSync(at('both.jsonl.part')))
  }
})

test('an abandoned file keeps what was written as .part', async t => {
  const output = await openOutput(at('b.json'))
  await output.write(outcomesOf(two))
  await output.abandon()
  await output.abandon()
  t.is(read('b.json.part'), '[\n1,\n"b"')
  t.false(existsSync(at('b.json')))
  await t.throwsAsync(() => output.commit(), { message: /abandoned/ })
  await t.throwsAsync(() => output.write(outcomesOf(two)), { message: /closed/ })
})

test('a .part ends at a whole item after a value that has no place', async t => {
  const output = await openOutput(at('c.f64'))
  await output.write(outcomesOf([{ value: 1 }]))
  await t.throwsAsync(() => output.write(outcomesOf(two, 1)), { message: /^item 2 cannot/ })
  await t.throwsAsync(() => output.commit(), { message: /^item 2 cannot/ })
  await output.abandon()
  t.is(statSync(at('c.f64.part')).size, 8)
})

test('many writes are one file in their order', async t => {
  const output = await openFileOutput(at('d.f64'), f64Format(options))
  const values = Float64Array.from({ length: 300_000 }, (_, nth) => nth)
  const writes: Promise<void>[] = []
  for (let nth = 0; nth < 30; nth++)
    writes.push(
      output.write({
        ...valuesOutcomes({ form: 'f64', values: values.subarray(nth * 10_000, nth * 10_000 + 10_000) }, 10_000),
      }),
    )
  await Promise.all(writes)
  await output.commit()
  t.deepEqual(readFileSync(at('d.f64')), Buffer.from(values.buffer))
})

test('a linked file is replaced where it lies, and keeps its mode', async t => {
  mkdirSync(at('far'))
  writeFileSync(at('far/e.jsonl'), 'before', { mode: 0o600 })
  symlinkSync('far/e.jsonl', at('e.jsonl'))
  const output = await openOutput(at('e.jsonl'))
  await output.write(outcomesOf(two))
  await output.commit()
  t.is(readlinkSync(at('e.jsonl')), 'far/e.jsonl')
  t.is(read('far/e.jsonl'), '1\n"b"\n')
  t.is(statSync(at('far/e.jsonl')).mode & 0o777, 0o600)
})

test('a device is written directly', async t => {
  const output = await openOutput('/dev/null')
  await output.write(outcomesOf(two))
  await output.commit()
  t.false(existsSync('/dev/null.part'))
})

const full = existsSync('/dev/full') ? test : test.skip
full('a full device is said with its name', async t => {
  symlinkSync('/dev/full', at('full.jsonl.part'))
  const output = await openOutput(at('full.jsonl'))
  await output.write(outcomesOf(two))
  await t.throwsAsync(() => output.commit(), {
    message: /^cannot write results to .*full\.jsonl\.part: no space left on the device.*ENOSPC/,
  })
  await t.throwsAsync(() => output.write(outcomesOf(two)), { message: /ENOSPC/ })
  await output.abandon().catch(() => undefined)
  t.false(existsSync(at('full.jsonl')))
})

test('what cannot be opened is said with what to do', async t => {
  await t.throwsAsync(() => openOutput(at('none/a.jsonl')), {
    message: /none\/a\.jsonl\.part: its folder does not exist; create it first \(ENOENT\)/,
  })
  await t.throwsAsync(() => openOutput(folder, { format: 'jsonl' }), { message: /it is a folder/ })
  await t.throwsAsync(() => openOutput(at('x.parquet')), { message: /end it in one of \.jsonl.*\.f64/ })
  await t.throwsAsync(() => openOutput(at('x.jsonl.gz')), { message: /\| gzip/ })
  await t.throwsAsync(() => openOutput(at('x.jsonl'), { format: 'xml' }), { message: /expected jsonl, json, csv, f64/ })
  await t.throwsAsync(() => openOutput(at('x.csv'), { tagged: true }), { message: /--tagged/ })
  t.false(existsSync(at('x.csv.part')))
})

test('an output without items is a file all the same', async t => {
  const output = await openFileOutput(at('empty.jsonl'), jsonlFormat(options))
  await output.commit()
  t.is(read('empty.jsonl'), '')
})

test('an output goes on at a checkpoint: what was written after it is written again', async t => {
  const first = await openOutput(at('resumed.json'))
  await first.write(outcomesOf(two))
  const from = await first.checkpoint?.()
  await first.write(outcomesOf([{ value: 'lost' }], 2))
  await first.abandon()
  t.is(read('resumed.json.part'), '[\n1,\n"b",\n"lost"')
  const second = await openOutput(at('resumed.json'), { from })
  await second.write(outcomesOf([{ value: 'found' }], 2))
  await second.commit()
  t.is(read('resumed.json'), '[\n1,\n"b",\n"found"\n]\n')
})

test('a .part that is gone, or shorter than was written, is not gone on with', async t => {
  const from = { file: '', bytes: 9, format: null }
  await t.throwsAsync(openOutput(at('gone.jsonl'), { from }), { message: /gone\.jsonl\.part: it is gone/ })
  writeFileSync(at('short.jsonl.part'), '1\n')
  await t.throwsAsync(openOutput(at('short.jsonl'), { from }), {
    message: /another file than the one that the job wrote/,
  })
  const same = { ...from, file: (await fileMark(at('short.jsonl.part'))) ?? '' }
  await t.throwsAsync(openOutput(at('short.jsonl'), { from: same }), { message: /it has 2 bytes, fewer than the 9/ })
  t.is(read('short.jsonl.part'), '1\n')
})

test('a checkpoint of an output that cannot be written says why', async t => {
  const output = await openFileOutput(at('bad.f64'), f64Format(options))
  await t.throwsAsync(output.write(outcomesOf([{ value: 'no number' }])))
  await t.throwsAsync(async () => output.checkpoint?.(), { message: /item 0 cannot be written as a double/ })
  await output.abandon()
})
