// The coordinator's memory does not grow with the number of items: the long form is bench/memory.ts.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { feedJsonLines, peakOf } from '../../bench/peak.js'

const PEAK_BYTES = 300e6
const MANYHANDS = [process.execPath, fileURLToPath(new URL('../../coordinator/command/main.cjs', import.meta.url))]
const FUNCTIONS = fileURLToPath(new URL('../../bench/functions.js', import.meta.url))

const withFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'manyhands-memory-'))
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test.serial('80 million square roots, more than the transport keeps, reach their file within 300 MB', t =>
  withFolder(async folder => {
    const output = join(folder, 'roots.f64')
    const job = ['map', `${FUNCTIONS}#sqrt`, '--range', '0..80_000_000', '--quiet', '--output', output]
    const { peakBytes } = await peakOf([...MANYHANDS, ...job])
    t.is((await stat(output)).size, 8 * 80_000_000)
    t.true(peakBytes > 30e6 && peakBytes < PEAK_BYTES, `the peak is ${peakBytes}`)
  }),
)

test.serial('20 million integers become their sum within 300 MB', async t => {
  const job = ['reduce', `${FUNCTIONS}#add`, '--range', '0..20_000_000', '--quiet']
  const { peakBytes } = await peakOf([...MANYHANDS, ...job])
  t.true(peakBytes > 30e6 && peakBytes < PEAK_BYTES, `the peak is ${peakBytes}`)
})

test.serial('300 MB of JSON lines stream from standard input to the output within 300 MB', async t => {
  const job = ['map', `${FUNCTIONS}#idOf`, '--input', '-', '--format', 'jsonl', '--quiet', '--output', '/dev/null']
  const { peakBytes } = await peakOf([...MANYHANDS, ...job], feedJsonLines(300e6))
  t.true(peakBytes > 30e6 && peakBytes < PEAK_BYTES, `the peak is ${peakBytes}`)
})
