// node dist/bench/memory.js [--items 100_000_000] [--gigabytes 5]
// How much memory the coordinator's process takes at most, whatever the number of items: a range into a .f64 file, a range
// into one sum, and a long stream of JSON lines from standard input. The goal is less than 300 MB, with one exit code.
import { mkdtemp, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { feedJsonLines, type Peak, peakOf } from './peak.js'

const GOAL_BYTES = 300e6
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MANYHANDS = [process.execPath, join(ROOT, 'dist/coordinator/command/main.cjs')]
const FUNCTIONS = join(ROOT, 'dist/bench/functions.js')

const { values: options } = parseArgs({
  options: { items: { type: 'string', default: '100_000_000' }, gigabytes: { type: 'string', default: '5' } },
})
const items = Number(options.items.replaceAll('_', ''))
const bytes = Number(options.gigabytes) * 1e9

const tell = (what: string, { peakBytes, seconds }: Peak): void => {
  const verdict = peakBytes < GOAL_BYTES ? 'met' : 'MISSED'
  if (peakBytes >= GOAL_BYTES) process.exitCode = 1
  const megabytes = Math.round(peakBytes / 1e6)
  process.stdout.write(`| ${what} | ${megabytes} MB | ${seconds.toFixed(1)} s | < 300 MB: ${verdict} |\n`)
}

const folder = await mkdtemp(join(tmpdir(), 'manyhands-memory-'))
try {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < 8 * items * 1.1) throw new Error(`${folder} has no room for ${8 * items} bytes: free some`)
  const count = items.toLocaleString('en-US')
  process.stdout.write('| | peak | wall | goal |\n| --- | --- | --- | --- |\n')
  const output = join(folder, 'roots.f64')
  const range = ['--range', `0..${items}`, '--quiet']
  const written = await peakOf([...MANYHANDS, 'map', `${FUNCTIONS}#sqrt`, ...range, '--output', output])
  const { size } = await stat(output)
  if (size !== 8 * items) throw new Error(`${output} has ${size} bytes: expected ${8 * items}`)
  await rm(output)
  tell(`${count} square roots into a .f64 file`, written)
  tell(`${count} integers into their sum`, await peakOf([...MANYHANDS, 'reduce', `${FUNCTIONS}#add`, ...range]))
  const stream = ['--input', '-', '--format', 'jsonl', '--quiet', '--output', '/dev/null']
  const fed = await peakOf([...MANYHANDS, 'map', `${FUNCTIONS}#idOf`, ...stream], feedJsonLines(bytes))
  tell(`${options.gigabytes} GB of JSON lines through standard input`, fed)
} finally {
  await rm(folder, { recursive: true, force: true })
}
