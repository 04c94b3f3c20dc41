// The tutorial's steps, as a newcomer runs them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { example, folderOf, MAIN, manyhands, runProgram } from './program.js'

for (const file of ['examples/bubble_sort.ts', 'examples/bubble_sort.py']) {
  test(`run sorts a list with ${file}`, async t => {
    const { code, stdout } = await manyhands(['run', file, '[5,3,1,4,1,-2.5]'])
    t.is(stdout, '[-2.5,1,1,3,4,5]\n')
    t.is(code, 0)
  })
}

test('submit sorts a list in another process', async t => {
  const { code, stdout } = await example('submit.js', '5', '3', '1')
  t.is(stdout, '[1,3,5]\n')
  t.is(code, 0)
})

for (const file of ['examples/sqrt.ts', 'examples/sqrt.py']) {
  test(`map takes the square roots of a range with ${file}`, async t => {
    const output = join(folderOf(t), 'roots.f64')
    const { code, stdout } = await manyhands(['map', file, '--range', '10..20_000', '--output', output])
    t.is(code, 0)
    t.is(stdout, '')
    const bytes = readFileSync(output)
    const roots = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    t.deepEqual(
      roots,
      Float64Array.from({ length: 19_990 }, (_, at) => Math.sqrt(at + 10)),
    )
  })
}

test('compare.js times a loop and a pool and says what the receipt says', async t => {
  const { code, stdout } = await example('compare.js', '1_000', '2_000')
  t.is(code, 0)
  for (const end of ['1,000', '2,000'])
    t.regex(stdout, new RegExp(`range\\(10, ${end}\\): the (?:loop|pool) wins, \\d+\\.\\d times`))
  t.is([...stdout.matchAll(/^ {2}loop \d+\.\d{4} s$/gm)].length, 2)
  t.is([...stdout.matchAll(/^ {2}pool \d+\.\d{4} s$/gm)].length, 2)
  t.is([...stdout.matchAll(/^ {2}receipt: .* slots x .* s: .* % in the function, .* % starting workers$/gm)].length, 2)
})

test('compare.py times a loop, multiprocessing and manyhands, which agree', async t => {
  const env = { MANYHANDS: `'${process.execPath}' '${MAIN}'` }
  const { code, stdout } = await runProgram(['python3', 'examples/compare.py', '1_000'], { env })
  t.is(code, 0)
  t.regex(
    stdout,
    /^range\(10, 1,000\)\n {2}loop +\d+\.\d{4} s\n {2}multiprocessing_pool +\d.* s\n {2}manyhands +\d.* s\n$/,
  )
})
