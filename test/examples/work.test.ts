// The examples with work to share: their results are what other programs make of the same input.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { PNG } from 'pngjs'
import row, { init, type View } from '../../examples/mandelbrot-row.js'
import { programOf } from '../support/debian.js'
import { example, folderOf, MAIN, manyhands, ROOT, runProgram } from './program.js'

const FILES: Readonly<Record<string, string | Uint8Array>> = {
  'empty.txt': '',
  'three lines.txt': 'one\ntwo\nthree\n',
  'no, end.txt': 'one\ntwo',
  'ünïcode.txt': '日本\n',
  'below/large.bin': Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7) % 251),
}

const writeFiles = (folder: string): void => {
  mkdirSync(join(folder, 'in/below'), { recursive: true })
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, 'in', name), content)
}

test('hashes.ts makes a table of the files below a folder', async t => {
  const folder = folderOf(t)
  writeFiles(folder)
  const fn = join(ROOT, 'examples/hashes.ts')
  const { code } = await manyhands(['map', fn, '--glob', 'in/**', '--output', 'hashes.csv'], folder)
  t.is(code, 0)
  const lines = readFileSync(join(folder, 'hashes.csv'), 'utf8').trimEnd().split('\n')
  const expected = Object.entries(FILES).map(([name, content]) => {
    const bytes = Buffer.from(content)
    const path = name.includes(',') ? `"in/${name}"` : `in/${name}`
    const lines = bytes.filter(byte => byte === 10).length
    return `${path},${bytes.length},${lines},${createHash('sha256').update(bytes).digest('hex')}`
  })
  t.is(lines[0], 'path,bytes,lines,sha256')
  t.deepEqual(lines.slice(1).sort(), expected.sort())
})

test('hashes.ts writes the same as objects, and a file that is gone is its own failure', async t => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'there.txt'), 'x\n')
  writeFileSync(join(folder, 'paths.txt'), 'there.txt\ngone.txt\nthere.txt\n')
  const fn = join(ROOT, 'examples/hashes.ts')
  const { code, stdout, stderr } = await manyhands(['map', fn, '--input', 'paths.txt', '--tagged'], folder)
  const sha256 = createHash('sha256').update('x\n').digest('hex')
  const [first, second, third] = stdout.split('\n').map(line => (line === '' ? undefined : JSON.parse(line)))
  t.is(code, 1)
  t.deepEqual(first, { index: 0, value: { path: 'there.txt', bytes: 2, lines: 1, sha256 } })
  t.is(second.failure.reason, 'error')
  t.regex(second.failure.message, /ENOENT.*gone\.txt/)
  t.is(third.index, 2)
  t.regex(stderr, /1 failed/)
})

test('mandelbrot.js draws the picture that a serial run draws', async t => {
  const file = join(folderOf(t), 'm.png')
  const { code, stderr } = await example('mandelbrot.js', file, '160', '120')
  t.is(code, 0)
  t.regex(stderr, /m\.png: 120 rows in /)
  const png = PNG.sync.read(readFileSync(file), { checkCRC: true })
  t.deepEqual([png.width, png.height], [160, 120])
  const view: View = { width: 160, height: 120, re: -0.65, im: 0, span: 3.2, limit: 1000 }
  init(view)
  const serial = Buffer.concat(Array.from({ length: 120 }, (_, y) => row(y)))
  t.true(new Set(serial).size > 20, 'a picture of one colour would prove nothing')
  // pngjs gives RGBA.
  t.true(serial.equals(png.data.filter((_, at) => at % 4 !== 3)))
})

test('gzip packs every file by a command line', async t => {
  const folder = folderOf(t)
  writeFiles(folder)
  const argv = ['map', '--glob', 'in/*.txt', '--output', 'gzip.jsonl', '--', 'gzip', '-k', '{}']
  const { code } = await manyhands(argv, folder)
  t.is(code, 0)
  const names = Object.keys(FILES).filter(name => name.endsWith('.txt'))
  t.is(readFileSync(join(folder, 'gzip.jsonl'), 'utf8'), '""\n'.repeat(names.length))
  for (const name of names)
    t.deepEqual(gunzipSync(readFileSync(join(folder, 'in', `${name}.gz`))), Buffer.from(FILES[name] as string))
})

test('the README has a command for each example, and each names a file that is there', t => {
  const readme = readFileSync(join(ROOT, 'examples/README.md'), 'utf8')
  const there = readdirSync(join(ROOT, 'examples')).filter(name => name !== 'README.md' && !name.startsWith('__'))
  const linked = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, name]) => name)
  t.deepEqual(linked.sort(), there.sort())
  const run = [...readme.matchAll(/`(?:manyhands|node|python3) [^`]*?((?:dist\/)?examples\/[\w.-]+)/g)].map(
    ([, path]) => path as string,
  )
  t.is(run.length, 9)
  for (const path of run) t.notThrows(() => readFileSync(join(ROOT, path)))
})

test('convert makes a thumbnail of every picture by a command line', async t => {
  const convert = await programOf('convert', 'imagemagick', { argv: ['-version'], says: /ImageMagick/ })
  const folder = folderOf(t)
  for (const name of ['a', 'b']) {
    const picture = new PNG({ width: 40, height: 20 })
    picture.data.fill(name === 'a' ? 255 : 128)
    writeFileSync(join(folder, `${name}.png`), PNG.sync.write(picture))
  }
  const words = ['convert', '{}', '-resize', '10x10', '{.}.thumb.png']
  const { code, stderr } = await runProgram([process.execPath, MAIN, 'map', '--glob', '?.png', '--', ...words], {
    cwd: folder,
    // Another program of that name may stand before it.
    env: { ...process.env, PATH: `${dirname(convert)}:${process.env.PATH}` },
  })
  t.is(code, 0, stderr)
  for (const name of ['a', 'b']) {
    const thumb = PNG.sync.read(readFileSync(join(folder, `${name}.thumb.png`)))
    t.deepEqual([thumb.width, thumb.height], [10, 5])
  }
})
