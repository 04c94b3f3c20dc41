import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openGlob } from '../../../coordinator/input/glob.js'
import { openInput } from '../../../coordinator/input/open.js'
import { drain } from './drain.js'

const folder = mkdtempSync(join(tmpdir(), 'manyhands-input-'))
test.after.always(() => rmSync(folder, { recursive: true }))
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test('the extension says the format', async t => {
  t.deepEqual(await drain(await openInput(file('a.txt', '1\n'))), [{ value: '1' }])
  t.deepEqual(await drain(await openInput(file('a.JSONL', '1\n'))), [{ value: 1 }])
  t.deepEqual(await drain(await openInput(file('a.csv', 'a\n1\n'))), [{ value: { a: '1' } }])
  t.deepEqual(await drain(await openInput(file('a.json', '[1]'))), [{ value: 1 }])
  t.deepEqual(await drain(await openInput(file('a.log', '1\n'), 'lines')), [{ value: '1' }])
})

test('a file of many chunks is read whole', async t => {
  const lines = Array.from({ length: 300_000 }, (_, at) => `{"at":${at}}`)
  const got = await drain(await openInput(file('many.jsonl', lines.join('\n'))), 10_000)
  t.is(got.length, lines.length)
  t.deepEqual(got.at(-1), { value: { at: lines.length - 1 } })
})

const refused: [string, string, string | undefined, RegExp][] = [
  ['a missing file', 'none.jsonl', undefined, /^cannot read .*none\.jsonl: no such file \(ENOENT\)$/],
  ['a folder', '', 'jsonl', /it is a folder; --glob/],
  ['an unknown extension', 'a.parquet', undefined, /give --format, one of lines .*jsonl.*csv.*json/],
  ['an unknown format', 'a.jsonl', 'yaml', /"yaml" is not known: expected lines, jsonl, csv, json/],
  ['a format called constructor', 'a.jsonl', 'constructor', /not known/],
  ['a compressed file', 'a.jsonl.gz', undefined, /is compressed \(\.gz\).*gzip -dc/],
  ['a compressed file with a format', 'a.gz', 'jsonl', /is compressed/],
]
for (const [name, path, format, message] of refused)
  test(`${name} is refused with what to do`, async t => {
    t.regex((await t.throwsAsync(() => openInput(join(folder, path), format)))?.message ?? '', message)
  })

test('a pattern gives paths in order, as it is written', async t => {
  mkdirSync(join(folder, 'img/sub.png'), { recursive: true })
  for (const name of ['img/b.png', 'img/a.png', 'img/B.png', 'img/.hidden.png', 'img/c.txt', 'img/sub.png/d.png'])
    file(name, '')
  const paths = (list: string[]) => list.map(value => ({ value }))
  t.deepEqual(await drain(await openGlob('img/*.png', folder)), paths(['img/B.png', 'img/a.png', 'img/b.png']))
  t.deepEqual(await drain(await openGlob('./img/?.png', folder)), paths(['./img/B.png', './img/a.png', './img/b.png']))
  t.deepEqual(await drain(await openGlob('img/**/d.png', folder)), paths(['img/sub.png/d.png']))
  t.deepEqual(await drain(await openGlob(join(folder, 'img/a.*'))), paths([join(folder, 'img/a.png')]))
  t.is((await openGlob('img/*.png', folder)).count, 3)
})

test('a pattern without a match is an error', async t => {
  await t.throwsAsync(() => openGlob('*.jpeg', folder), { message: /^no file matches "\*\.jpeg" in / })
})

test('a file name that is not UTF-8 is undecodable', async t => {
  const name = Buffer.concat([Buffer.from(join(folder, 'odd-')), Buffer.from([0xff]), Buffer.from('.bin')])
  writeFileSync(name, '')
  file('odd-fine.bin', '')
  const got = await drain(await openGlob('odd-*.bin', folder))
  t.deepEqual(
    got.map(one => 'value' in one),
    [true, false],
  )
})
