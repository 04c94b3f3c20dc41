import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { jsonFormat } from '../../../coordinator/output/json.js'
import { jsonlFormat } from '../../../coordinator/output/jsonl.js'
import { OutputClosed, StreamOutput } from '../../../coordinator/output/stream.js'
import { outcomesOf, type Settled } from './outcomes.js'

const options = { tagged: false, unordered: false }
const two: Settled[] = [{ value: 1 }, { value: 'b' }]

test('a slow reader is waited for', async t => {
  const stream = new PassThrough({ highWaterMark: 4 })
  const output = new StreamOutput(stream, jsonlFormat(options), 'x')
  const write = output.write(outcomesOf(two))
  t.is(await Promise.race([write, sleep(20, 'waiting')]), 'waiting')
  const read = stream.toArray()
  await write
  await output.commit()
  t.is(Buffer.concat(await read).toString(), '1\n"b"\n')
})

test('a stream that is abandoned ends at a whole item', async t => {
  const stream = new PassThrough()
  const output = new StreamOutput(stream, jsonFormat(options), 'x')
  await output.write(outcomesOf(two))
  const read = stream.toArray()
  await output.abandon()
  await output.abandon()
  t.is(Buffer.concat(await read).toString(), '[\n1,\n"b"')
})

test('a reader that went away is an OutputClosed', async t => {
  for (const code of ['EPIPE', 'ECONNRESET']) {
    const stream = new Writable({ write: (_, __, done) => done(Object.assign(new Error('gone'), { code })) })
    const output = new StreamOutput(stream, jsonlFormat(options), 'standard output')
    await output.write(outcomesOf(two)).catch(() => undefined)
    await sleep(1)
    await t.throwsAsync(() => output.write(outcomesOf(two)), { instanceOf: OutputClosed })
    await t.notThrowsAsync(() => output.abandon())
  }
})

test('another write error says what and where', async t => {
  const stream = new Writable({ highWaterMark: 1, write: (_, __, done) => done(new Error('no space')) })
  const output = new StreamOutput(stream, jsonlFormat(options), 'the pipe')
  await t.throwsAsync(() => output.write(outcomesOf(two)), { message: 'cannot write results to the pipe: no space' })
})

test('a process whose reader went away learns it from a write', async t => {
  const script = `
    const { openOutput } = await import(${JSON.stringify(new URL('../../../coordinator/output/open.js', import.meta.url).href)})
    const output = await openOutput('-')
    const values = new Float64Array(1000)
    try {
      for (let start = 0; ; start += 1000) await output.write({ start, end: start + 1000, values: { form: 'f64', values }, failures: [] })
    } catch (error) {
      await output.abandon()
      process.exitCode = error.name === 'OutputClosed' ? 33 : 1
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.stdout.destroy()
  const [code] = await once(child, 'exit')
  t.is(code, 33)
})
