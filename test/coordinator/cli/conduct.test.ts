import { EventEmitter } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type Conduct, conductJob, exitCodeOf } from '../../../coordinator/cli/conduct.js'
import { Fault } from '../../../coordinator/cli/fault.js'
import { parseRequirements } from '../../../coordinator/cli/requirement.js'
import type { JobEnd } from '../../../coordinator/job.js'
import { end, receipt } from './fixtures.js'

/** Streams and progress that keep what they are given; `closed` counts the calls. */
const stage = () => {
  const said: string[] = []
  const seen: string[] = []
  const stdout = new EventEmitter() as unknown as NodeJS.WritableStream
  const stderr = { write: (text: string) => said.push(text) > 0 } as unknown as NodeJS.WriteStream
  const closes: string[] = []
  const base: Omit<Conduct, 'start'> = {
    close: async () => {
      closes.push('closed')
    },
    progress: {
      update: progress => seen.push(`update ${progress.settled}`),
      print: line => seen.push(line),
      stop: () => seen.push('stop'),
    },
    hangupSeconds: 0.1,
    total: 40_000,
    tagged: false,
    quiet: false,
    verbose: false,
    json: false,
    stdout,
    stderr,
    env: { NO_COLOR: '1' },
  }
  return { base, said, seen, closes, stdout }
}

const failed: Partial<JobEnd> = { failed: 1, failures: [{ index: 2, reason: 'error', message: 'no' }] }

test('the exit code says how the job ended', t => {
  t.is(exitCodeOf(end()), 0)
  t.is(exitCodeOf(end(failed)), 1)
  t.is(exitCodeOf(end({ state: 'stopped' })), 1)
  t.is(exitCodeOf(end({ state: 'interrupted' })), 130)
  t.is(exitCodeOf(end({ state: 'broken' })), 3)
})

test.serial('a job that ends is spoken of once, and its hands are closed', async t => {
  const { base, said, seen, closes } = stage()
  const { exitCode } = await conductJob({
    ...base,
    start: async ({ onProgress }) => {
      onProgress({ settled: 5, failed: 0, total: 9, slots: 1, agents: 1, wallSeconds: 1 })
      return end()
    },
  })
  t.is(exitCode, 0)
  t.is(said.length, 1)
  t.true(said[0]?.startsWith('mandelbrot  ✓ 40,000 of 40,000 items in 12.9 s\n'))
  t.deepEqual(seen.slice(0, 2), ['update 5', 'stop'])
  t.deepEqual(closes, ['closed'])
})

test.serial(
  '--json is the last line of standard error and one JSON object; --receipt is the same in a file',
  async t => {
    const folder = await mkdtemp(join(tmpdir(), 'manyhands-test-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const receiptFile = join(folder, 'receipt.json')
    const { base, said } = stage()
    // Workers that are closed may have something to say.
    const close = async () => {
      said.push('raw\n')
    }
    await conductJob({ ...base, close, json: true, receiptFile, start: async () => end() })
    const lines = said.join('').trimEnd().split('\n')
    t.deepEqual(JSON.parse(lines.at(-1) ?? ''), receipt())
    t.deepEqual(JSON.parse(readFileSync(receiptFile, 'utf8')), receipt())
  },
)

test.serial('--quiet says nothing of a good end, and what went wrong of another', async t => {
  const good = stage()
  await conductJob({ ...good.base, quiet: true, start: async () => end() })
  t.deepEqual(good.said, [])
  const bad = stage()
  const { exitCode } = await conductJob({ ...bad.base, quiet: true, start: async () => end(failed) })
  t.is(exitCode, 1)
  t.regex(bad.said.join(''), /error: no/)
})

test.serial('an end that is not whole carries its code and says what is kept', async t => {
  const { base, said } = stage()
  const why = 'the input ended in the middle of a line'
  const kept = () => 'o.json was not written; what was settled is kept in o.json.part.'
  const { exitCode } = await conductJob({ ...base, kept, start: async () => end({ state: 'broken', settled: 3, why }) })
  t.is(exitCode, 3)
  const lines = said.join('').split('\n')
  t.is(lines[0], 'mandelbrot  ✗ 3 of 40,000 items in 12.9 s; could not go on')
  t.is(lines[1], `  ${why} [MH-JOB-BROKEN]`)
  t.is(lines[2], `  ${kept()}`)
})

test.serial('the first signal aborts the job and lets it write what is settled', async t => {
  const { base, seen, closes } = stage()
  const conducted = conductJob({
    ...base,
    start: ({ signal }) =>
      new Promise(resolve => {
        signal.addEventListener('abort', () => resolve(end({ state: 'interrupted', settled: 7 })))
      }),
  })
  process.emit('SIGTERM', 'SIGTERM')
  const { exitCode } = await conducted
  t.is(exitCode, 130)
  t.regex(seen[0] ?? '', /^SIGTERM: finishing what runs/)
  t.deepEqual(closes, ['closed'])
  t.is(
    process.listenerCount('SIGTERM', () => {}),
    0,
  )
})

test.serial('a reader that went away ends the job without a word, also when the job takes its time', async t => {
  const { base, said, closes, stdout } = stage()
  let isAborted = false
  const conducted = conductJob({
    ...base,
    start: ({ signal }) => {
      signal.addEventListener('abort', () => {
        isAborted = true
      })
      return new Promise(() => {})
    },
  })
  stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  t.is((await conducted).exitCode, 0)
  t.true(isAborted)
  t.deepEqual(said, [])
  t.deepEqual(closes, ['closed'])
})

test.serial('a job that broke because its reader went away is no failure', async t => {
  const { base, said, stdout } = stage()
  const { exitCode } = await conductJob({
    ...base,
    start: async () => {
      stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
      return end({ state: 'broken', why: 'the reader of standard output went away' })
    },
  })
  t.is(exitCode, 0)
  t.deepEqual(said, [])
})

test.serial('a job that cannot be started rejects, and its hands are closed all the same', async t => {
  const { base, closes } = stage()
  const start = async (): Promise<JobEnd> => {
    throw new Fault('MH-NATS', 'gone')
  }
  await t.throwsAsync(conductJob({ ...base, start }), { message: 'gone' })
  t.deepEqual(closes, ['closed'])
})

test.serial('a receipt that cannot be written is an error with a code', async t => {
  const { base } = stage()
  const receiptFile = join(tmpdir(), 'no-such-folder', 'receipt.json')
  const error = await t.throwsAsync(conductJob({ ...base, receiptFile, start: async () => end() }))
  t.true(error instanceof Fault && error.code === 'MH-RECEIPT' && error.exitCode === 3)
})

test.serial(
  'a job that does not keep what is required of it exits with 4, its receipt still the last line',
  async t => {
    const { base, said } = stage()
    const requirements = parseRequirements('speedup>=8,failed<=0')
    const { exitCode } = await conductJob({ ...base, requirements, json: true, start: async () => end() })
    t.is(exitCode, 4)
    const lines = said.join('').trimEnd().split('\n')
    t.is(lines.at(-2), 'manyhands: speedup is 7.1x, required is speedup>=8 [MH-REQUIREMENT]')
    t.deepEqual(JSON.parse(lines.at(-1) ?? ''), receipt())
    const worse = await conductJob({ ...base, requirements, start: async () => end(failed) })
    t.is(worse.exitCode, 1, 'items that failed come first')
  },
)

test.serial('an end that is whole is told of once, for what is to be remembered', async t => {
  const { base } = stage()
  const seen: string[] = []
  const onDone = async (done: JobEnd): Promise<void> => {
    seen.push(done.job)
  }
  await conductJob({ ...base, onDone, start: async () => end() })
  await conductJob({ ...base, onDone, start: async () => end({ state: 'interrupted' }) })
  t.deepEqual(seen, ['j1'])
})
