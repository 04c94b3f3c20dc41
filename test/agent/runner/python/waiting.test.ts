import test from 'ava'
import type { JobSpec } from '../../../../proto/shard.js'
import { type Code, range, Seat, writeFolder } from '../../seat.js'

const folder = writeFolder({
  'functions.py': `
import asyncio, sys

in_progress = 0
async def together(x):
    global in_progress
    in_progress += 1
    await asyncio.sleep(0.02)
    in_progress -= 1
    return in_progress + 1
async def large(x):
    await asyncio.sleep(0.05)
    return 'x' * 300_000
def decorated(x): return together(x)
async def exiting(x):
    await asyncio.sleep(0.01)
    if x == 3: sys.exit('enough')
    return {'x': x}
`,
})

const code = (name: string, spec: Partial<JobSpec> = {}): Code => ({
  spec: { entry: 'functions.py', function: name, ...spec },
  folder,
})

test('coroutines in progress at once are as many as asked for; without a word, more as long as that helps', async t => {
  const seat = new Seat(t, 'python')
  const most = async (name: string, spec: Partial<JobSpec>, count: number): Promise<number> => {
    const load = seat.load(code(name, spec))
    // A function that gives a coroutine without being one is known by its first run.
    await seat.run(load, range(1))
    return Math.max(...((await seat.run(load, range(count))).values as number[]))
  }
  t.is(await most('together', { concurrency: 1 }, 6), 1)
  t.is(await most('together', { concurrency: 6 }, 30), 6)
  t.is(await most('decorated', { concurrency: 6 }, 30), 6)
  const auto = await most('together', {}, 300)
  t.true(auto >= 8 && auto <= 64, `${auto}`)
  await seat.worker.close(5)
})

test('large values that come together leave in messages of their usual size', async t => {
  const seat = new Seat(t, 'python')
  const ran = await seat.run(seat.load(code('large', { concurrency: 20 })), range(20))
  t.is(ran.values.length, 20)
  t.true(ran.parts.length >= 4, `${ran.parts.length} parts`)
  await seat.worker.close(5)
})

test('SystemExit in a coroutine is its own failure, and a text that is no JSON its own', async t => {
  const seat = new Seat(t, 'python')
  const load = seat.load(code('exiting', { concurrency: 4 }))
  const ran = await seat.run(load, range(6))
  t.deepEqual(
    ran.values,
    [0, 1, 2, 4, 5].map(x => ({ x })),
  )
  t.like(ran.failures[0], { index: 3, reason: 'error', message: 'SystemExit: enough' })
  const text = Buffer.from('1\n{oops\n2\n')
  const texts = await seat.run(load, { form: 'json', count: 3, text })
  t.deepEqual(texts.values, [{ x: 1 }, { x: 2 }])
  t.like(texts.failures[0], { index: 1, reason: 'undecodable' })
  await seat.worker.close(5)
})
