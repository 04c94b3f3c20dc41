import test from 'ava'
import { openProgress, plainPace, progressText } from '../../../coordinator/cli/progress.js'
import type { Progress } from '../../../coordinator/job.js'

const at = (over: Partial<Progress> = {}): Progress => ({
  settled: 12_000,
  failed: 0,
  total: 40_000,
  slots: 8,
  agents: 0,
  wallSeconds: 4,
  ...over,
})

test('the line has items, share, rate, time left, failures and slots', t => {
  t.is(progressText(at()), '12,000 of 40,000 items (30 %) · 3,000/s · 9.33 s left · 8 slots')
  t.is(
    progressText(at({ failed: 3, agents: 2 })),
    '12,000 of 40,000 items (30 %) · 3,000/s · 9.33 s left · 3 failed · 8 slots on 2 agents',
  )
})

test('without a number of items there is neither a share nor an end in sight', t => {
  t.is(progressText(at({ total: undefined })), '12,000 items · 3,000/s · 8 slots')
  t.is(progressText(at({ settled: 0, wallSeconds: 0 })), '0 of 40,000 items (0 %) · 8 slots')
  t.is(progressText(at({ settled: 0, total: 0 })), '0 of 0 items · 8 slots')
})

test('what is waited for stands in for the figures', t => {
  const waiting = 'no agent has joined yet (start one with: manyhands agent --nats nats://127.0.0.1:4222)'
  t.is(progressText(at({ waiting })), `waiting: ${waiting}`)
})

test('off a terminal there is a line each 10 % or 30 s, none for a job that is soon over', t => {
  let now = 100
  const pace = plainPace(() => now)
  const settledAt = (seconds: number, settled: number) => {
    now = 100 + seconds
    return pace(at({ settled, wallSeconds: seconds })) !== undefined
  }
  t.false(settledAt(0.5, 20_000))
  t.true(settledAt(1, 20_000))
  t.false(settledAt(2.5, 23_999))
  t.true(settledAt(2.6, 24_000))
  t.false(settledAt(3, 30_000), 'no two lines within a second')
  t.true(settledAt(4, 30_000))
  t.false(settledAt(33, 30_100))
  t.true(settledAt(34, 30_100))
})

test('what is waited for is said once, not at every report', t => {
  let now = 0
  const pace = plainPace(() => now)
  t.is(pace(at({ waiting: 'no agent' })), 'waiting: no agent')
  now = 5
  t.is(pace(at({ waiting: 'no agent' })), undefined)
  now = 30
  t.is(pace(at({ waiting: 'no agent' })), 'waiting: no agent')
})

/** A terminal that keeps what is drawn. */
const terminal = (over: object = {}) => {
  const written: string[] = []
  const stream = { isTTY: true, columns: 60, rows: 24, write: (text: string) => written.push(text) > 0, ...over }
  return { written, stream: stream as unknown as NodeJS.WriteStream }
}

test('on a terminal many reports become few redraws, and printed lines stay whole', async t => {
  const { stream, written } = terminal()
  const clock = () => performance.now() / 1000
  const line = await openProgress({ name: 'square', stream, quiet: false, clock, env: {} })
  const started = clock()
  for (let settled = 0; clock() - started < 0.45; settled++) {
    line.update(at({ settled }))
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  const drawn = written.filter(text => text.includes('square')).length
  t.true(drawn >= 1 && drawn <= 5, `${drawn} redraws in 0.45 s`)
  line.print('hello from a worker')
  t.true(written.includes('hello from a worker\n'))
  line.stop()
  const before = written.length
  line.update(at())
  await new Promise(resolve => setTimeout(resolve, 150))
  t.is(written.length, before)
})

test('quiet and dumb terminals are not drawn on', async t => {
  const clock = () => 0
  const quiet = terminal()
  const silent = await openProgress({ name: 'square', stream: quiet.stream, quiet: true, clock, env: {} })
  silent.update(at())
  silent.print('a line of the function')
  silent.stop()
  t.deepEqual(quiet.written, ['a line of the function\n'])
  const dumb = terminal()
  const plain = await openProgress({
    name: 'square',
    stream: dumb.stream,
    quiet: false,
    clock,
    env: { TERM: 'dumb' },
    waitingHint: 'start one',
  })
  plain.update(at({ waiting: 'no agent', wallSeconds: 1 }))
  plain.update(at({ waiting: 'no agent' }))
  plain.stop()
  t.deepEqual(dumb.written, ['square: waiting: no agent (start one)\n'])
})

test('a terminal that results go to as well gets plain lines: nothing on it is erased', async t => {
  const { stream, written } = terminal()
  let now = 0
  const clock = () => now
  const line = await openProgress({ name: 'square', stream, quiet: false, clock, env: {}, isShared: true })
  now = 2
  line.update(at())
  line.stop()
  t.deepEqual(written, [`square: ${progressText(at())}\n`])
})
