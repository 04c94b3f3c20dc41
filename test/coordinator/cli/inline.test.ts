import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ended, manyhands } from '../../support/command.js'

const folder = mkdtempSync(join(tmpdir(), 'inline-'))
const file = join(folder, 'work.mjs')
writeFileSync(
  file,
  `let base = 0
export const init = shared => { base = shared.base }
export const square = x => base + x * x
export const odd = x => { if (x % 2) throw new RangeError('odd ' + x); return { x, pid: 'same' } }
export const later = async x => { await null; return 'v' + x }
export const add = (a, b) => a + b
export const leave = () => process.exit(9)
export const leaveWell = () => process.exit(0)
export const loud = x => { console.log('log', x); process.stdout.write('raw\\n'); return x }
`,
)
const shared = join(folder, 'shared.json')
writeFileSync(shared, '{"base":100}')
writeFileSync(join(folder, 'work.py'), 'def square(x):\n    return x * x\n')
test.after.always(() => rmSync(folder, { recursive: true }))

const run = (...args: string[]) => ended(manyhands(args, { cwd: folder }))

for (const [title, args] of [
  ['values', ['map', `${file}#square`, '--range', '0..200', '--init', 'init', '--shared', shared]],
  ['failures beside values', ['map', `${file}#odd`, '--range', '0..20', '--tagged']],
  ['what promises give', ['map', `${file}#later`, '--range', '0..50']],
  ['packed doubles of a built-in', ['map', 'Math.sqrt', '--range', '0..5000', '--output', '-']],
  ['a fold', ['reduce', `${file}#add`, '--range', '0..5000', '--initial', '7']],
  ['a fold through a mapper', ['reduce', `${file}#add`, '--map', 'square', '--range', '0..500']],
  ['too many failures', ['map', `${file}#odd`, '--range', '0..20', '--on-error', 'stop', '--tagged']],
] as const) {
  test(`${title} are the same inline as in workers`, async t => {
    const inline = await run(...args, '--place', 'inline', '--quiet')
    const local = await run(...args, '--place', 'local', '--quiet', '--slots', '1')
    t.is(inline.code, local.code, inline.stderr)
    // Stacks name the place where the code was put.
    const plain = (text: string): string => text.replace(/"stack":"[^"]*"/g, '')
    // What else has settled by the time of a job's early end depends on who ran it.
    if (!args.includes('stop' as never)) t.is(plain(inline.stdout), plain(local.stdout))
  })
}

test('inline, the function runs in the command’s own process', async t => {
  const { code } = await run('map', `${file}#leave`, '--range', '0..3', '--place', 'inline')
  t.is(code, 9)
})

test('what the function prints inline is on standard error, and standard output is the results’', async t => {
  for (const command of [
    ['map', `${file}#loud`, '--range', '7..8'],
    ['run', `${file}#loud`, '7'],
  ]) {
    const { code, stdout, stderr } = await run(...command, '--place', 'inline')
    t.is(code, 0, stderr)
    t.is(stdout, '7\n')
    t.regex(stderr, /^log 7\nraw\n/)
  }
})

test('what is no JavaScript, or needs a worker, is refused inline', async t => {
  const python = await run('map', 'work.py#square', '--range', '0..3', '--place', 'inline')
  t.is(python.code, 2)
  t.regex(python.stderr, /work\.py#square is no JavaScript/)
  const timeout = await run('map', `${file}#square`, '--range', '0..3', '--place', 'inline', '--timeout', '1')
  t.is(timeout.code, 2)
  t.regex(timeout.stderr, /--timeout cannot hold with --place inline/)
})

test('a job whose function ends the process is not done, whatever exit code it chose', async t => {
  const { code, stderr } = await run('map', `${file}#leaveWell`, '--range', '0..3', '--place', 'inline')
  t.is(code, 3)
  t.regex(stderr, /ended before its job did.*MH-JOB-BROKEN.*--place local/s)
})
