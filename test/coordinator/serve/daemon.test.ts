// A coordinator daemon, as its callers meet it, in its process and over gRPC: a real NATS server, a real agent, workers.
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { type AskedPart, DeskError, type JobAsked } from '../../../coordinator/serve/desk.js'
import { allOf, endOf, inputOf, moduleOf, NODE_JOB, never, parts, Site, slowTriple, tripled } from './site.js'

const ROOTS: JobAsked = {
  name: 'roots',
  runner: 'node',
  entry: '',
  function: 'Math.sqrt',
  input: { start: 0, end: 300_000, step: 1 },
}
const TRIPLE = 'export default x => x * 3'

for (const how of ['the desk itself', 'the desk over gRPC'] as const) {
  test.serial(`${how}: a job is run, watched, read, described and forgotten, and nothing of it is left`, async t => {
    const site = await Site.open(t)
    await site.agent()
    const desk = await site.desk(how)
    const before = await site.nats.left()
    const { id, number, items } = await desk.submit(ROOTS, parts())
    t.deepEqual([number, items], [1, 300_000])
    const end = await endOf(desk, id)
    t.like(end, { state: 'done', settled: 300_000, failed: 0, items: 300_000, why: undefined, owner: undefined })
    const { text, items: indices } = await allOf(desk, id)
    t.deepEqual(
      indices,
      Array.from({ length: 300_000 }, (_, nth) => nth),
    )
    t.is(text, indices.map(nth => `{"index":${nth},"value":${Math.sqrt(nth)}}\n`).join(''))
    const { asked, receipt, failures } = await desk.describe(id)
    t.deepEqual(asked, ROOTS)
    t.like(receipt, { schema: 'manyhands.receipt/1', items: 300_000, placement: 'cluster' })
    t.deepEqual(failures, [])
    t.deepEqual(
      (await desk.jobs()).map(view => view.id),
      [id],
    )
    await desk.forget(id)
    t.deepEqual(await desk.jobs(), [])
    t.deepEqual(await site.nats.left(), before)
    await t.throwsAsync(desk.describe(id), { instanceOf: DeskError, code: 'JOB_UNKNOWN' })
    t.is((await desk.submit(ROOTS, parts())).number, 2)
  })

  const FORMATS: readonly [JobAsked['input'], string, readonly string[]][] = [
    [{ format: 'jsonl' }, '1\n{"a":[2]}\n\n"x"', ['1', '{"a":[2]}', '"x"']],
    [{ format: 'lines' }, 'one\n\nthree', ['"one"', '""', '"three"']],
    [{ format: 'csv' }, 'a,b\n1,x\n2,y\n', ['{"a":"1","b":"x"}', '{"a":"2","b":"y"}']],
    [{ format: 'json' }, '[1,\n {"b":2}]', ['1', '{"b":2}']],
  ]

  test.serial(`${how}: an input of each format has the items that it has on the command line`, async t => {
    const site = await Site.open(t)
    await site.agent()
    const desk = await site.desk(how)
    const module = moduleOf('export default x => x')
    for (const [input, text, values] of FORMATS) {
      const { id } = await desk.submit({ name: 'same', ...NODE_JOB, input }, parts(module, inputOf(text)))
      t.like(await endOf(desk, id), { state: 'done', settled: values.length, items: values.length })
      t.is((await allOf(desk, id)).text, values.map((value, nth) => `{"index":${nth},"value":${value}}\n`).join(''))
    }
  })

  test.serial(
    `${how}: code of several files, shared data and a long input arrive as they were, however they were cut`,
    async t => {
      const site = await Site.open(t)
      await site.agent()
      const desk = await site.desk(how)
      const shared = Buffer.from(JSON.stringify({ factor: 3, ballast: 'x'.repeat(3_000_000) }))
      const lines = Buffer.from(Array.from({ length: 200_000 }, (_, nth) => `${nth}\n`).join(''))
      async function* all(): AsyncGenerator<AskedPart> {
        const python =
          'from pack import other\nfactor = 0\ndef init(shared):\n  global factor\n  factor = shared["factor"]\n'
        yield { type: 'file', path: 'pack/job.py', data: Buffer.from(python) }
        yield {
          type: 'file',
          path: 'pack/job.py',
          data: Buffer.from('def triple(x):\n  return other.times(x, factor)\n'),
        }
        yield { type: 'file', path: 'pack/other.py', data: Buffer.from('def times(x, y):\n  return x * y\n') }
        yield { type: 'shared', data: shared.subarray(0, 1_000_000) }
        yield { type: 'shared', data: shared.subarray(1_000_000) }
        for (let at = 0; at < lines.length; at += 77_777) yield { type: 'input', data: lines.subarray(at, at + 77_777) }
      }
      const asked: JobAsked = {
        name: 'triple',
        runner: 'python',
        entry: 'pack/job.py',
        function: 'triple',
        init: 'init',
        shared: 'json',
        input: { format: 'jsonl' },
      }
      const { id } = await desk.submit(asked, all())
      const end = await endOf(desk, id)
      t.like(end, { state: 'done', settled: 200_000, failed: 0 }, end.why)
      t.is((await allOf(desk, id)).text, tripled(0, 200_000))
    },
  )

  test.serial(`${how}: a command is run for each line, and its failures stand in their places`, async t => {
    const site = await Site.open(t)
    await site.agent()
    const desk = await site.desk(how)
    const asked: JobAsked = {
      name: 'test',
      runner: 'exec',
      entry: '',
      function: '',
      command: ['test', '{}', '!=', 'b'],
      input: { format: 'lines' },
    }
    const { id } = await desk.submit(asked, parts(inputOf('a\nb\nc\n')))
    t.like(await endOf(desk, id), { state: 'done', settled: 3, failed: 1 })
    const { failures } = await allOf(desk, id)
    t.like(failures[0], { index: 1, reason: 'error' })
    t.deepEqual(
      (await desk.describe(id)).failures.map(({ index }) => index),
      [1],
    )
  })

  test.serial(`${how}: results come while the job runs, from any item, in order or as they settle`, async t => {
    const site = await Site.open(t)
    await site.agent()
    const desk = await site.desk(how)
    // The first item takes longest: what comes before its turn waits.
    const module = moduleOf(
      'export default async x => { await new Promise(r => setTimeout(r, x === 0 ? 6000 : 2)); return x * 3 }',
    )
    const { id } = await desk.submit(
      { name: 'slow', ...NODE_JOB, shardSize: 10, concurrency: 1, input: { start: 0, end: 400, step: 1 } },
      parts(module),
    )
    const ordered = allOf(desk, id)
    const behind = allOf(desk, id, { start: 123 })
    let firstSettled = -1
    for await (const { start } of desk.results(id, { ordered: false }, never)) {
      firstSettled = start
      break
    }
    t.true(firstSettled > 0)
    t.not((await desk.describe(id)).view.state, 'done')
    const { items: soFar } = await allOf(desk, id, { settledOnly: true })
    t.true(soFar.length > 0 && soFar.length < 400)
    t.deepEqual(
      soFar,
      [...soFar].sort((a, b) => a - b),
    )
    t.is((await ordered).text, tripled(0, 400))
    t.deepEqual(
      (await behind).items,
      Array.from({ length: 277 }, (_, nth) => nth + 123),
    )
    const asSettled = (await allOf(desk, id, { ordered: false })).items
    t.notDeepEqual(
      asSettled,
      [...asSettled].sort((a, b) => a - b),
    )
    t.deepEqual(
      [...asSettled].sort((a, b) => a - b),
      Array.from({ length: 400 }, (_, nth) => nth),
    )
  })

  test.serial(`${how}: values longer than a message come whole`, async t => {
    const site = await Site.open(t)
    await site.agent()
    const desk = await site.desk(how)
    const module = moduleOf('export default x => String(x % 10).repeat(x % 3 === 0 ? 3_000_000 : 10)')
    const { id } = await desk.submit({ name: 'long', ...NODE_JOB, input: { start: 0, end: 9, step: 1 } }, parts(module))
    await endOf(desk, id)
    const expected = Array.from(
      { length: 9 },
      (_, x) => `{"index":${x},"value":"${String(x).repeat(x % 3 === 0 ? 3_000_000 : 10)}"}\n`,
    ).join('')
    t.true((await allOf(desk, id)).text === expected)
  })

  test.serial(
    `${how}: a job that is cancelled keeps what was settled, says why, and goes on when it is resumed`,
    async t => {
      const site = await Site.open(t)
      await site.agent()
      const desk = await site.desk(how)
      const { asked, source } = slowTriple(5, { start: 0, end: 1000, step: 1 })
      const { id } = await desk.submit(asked, parts(moduleOf(source)))
      for await (const { settled } of desk.watch(id, never)) if (settled > 100) break
      const cancelled = await desk.cancel(id, 'not needed')
      t.like(cancelled, { state: 'cancelled', why: 'not needed' })
      t.true(cancelled.settled > 100 && cancelled.settled < 1000)
      const { items } = await allOf(desk, id)
      t.is(new Set(items).size, items.length)
      t.true(items.length >= 100)
      t.like(await desk.cancel(id, 'again'), { why: 'not needed' })
      await desk.resume(id)
      t.like(await endOf(desk, id), { state: 'done', settled: 1000, why: undefined })
      t.is((await allOf(desk, id)).text, tripled(0, 1000))
      await t.throwsAsync(desk.resume(id), { code: 'JOB_STATE' })
    },
  )

  test.serial(`${how}: a job that nobody can run waits, and says for what`, async t => {
    const site = await Site.open(t)
    const desk = await site.desk(how)
    const { id } = await desk.submit({ ...ROOTS, input: { start: 0, end: 10, step: 1 } }, parts())
    for await (const { state, why } of desk.watch(id, never)) {
      t.is(state, 'waiting')
      if (why?.includes('no agent has joined yet')) break
    }
    await t.throwsAsync(desk.forget(id), { code: 'JOB_STATE', message: /cancel it first/ })
    await site.agent()
    t.like(await endOf(desk, id), { state: 'done' })
  })

  test.serial(
    `${how}: too many failures stop a job, and code that cannot be loaded breaks it: both say why`,
    async t => {
      const site = await Site.open(t)
      await site.agent()
      const desk = await site.desk(how)
      const input = { start: 0, end: 1000, step: 1 }
      const failing = moduleOf("export default x => { if (x % 2) throw new Error('odd'); return x }")
      const stopped = await desk.submit({ name: 'odd', ...NODE_JOB, maxFailures: { count: 5 }, input }, parts(failing))
      const end = await endOf(desk, stopped.id)
      t.is(end.state, 'stopped')
      t.regex(end.why ?? '', /more than allowed/)
      const broken = await desk.submit({ name: 'broken', ...NODE_JOB, input }, parts(moduleOf('export default (')))
      const brokenEnd = await endOf(desk, broken.id)
      t.is(brokenEnd.state, 'broken')
      t.regex(brokenEnd.why ?? '', /SyntaxError/)
    },
  )

  const REFUSED: readonly [string, Partial<JobAsked>][] = [
    ['name', { name: 'x'.repeat(201) }],
    ['command', { runner: 'exec' }],
    ['function', { function: '' }],
    ['timeout_seconds', { timeoutSeconds: -1 }],
    ['weight', { weight: 1001 }],
    ['max_slots', { maxSlots: 0.5 }],
    ['needs', { needs: ['no spaces'] }],
    ['max_failures', { maxFailures: { fraction: 2 } }],
    ['shared_format', { shared: 'json' }],
    ['range', { input: { start: 0, end: 10, step: 0 } }],
  ]

  test.serial(
    `${how}: what a job cannot be is refused by the name of its field, and nothing of it is left`,
    async t => {
      const site = await Site.open(t)
      const desk = await site.desk(how)
      const before = await site.nats.left()
      for (const [field, wrong] of REFUSED)
        await t.throwsAsync(
          desk.submit({ ...ROOTS, ...wrong }, parts()),
          { instanceOf: DeskError, code: 'ASKED', message: /expected/ },
          field,
        )
      const { asked, source } = slowTriple(1, { format: 'jsonl' })
      const part = moduleOf(source)
      const wrongTurn = desk.submit(asked, parts(inputOf('1\n'), part))
      await t.throwsAsync(wrongTurn, { code: 'ASKED', message: /comes after/ })
      const outside: AskedPart = { type: 'file', path: '../job.mjs', data: new Uint8Array(1) }
      await t.throwsAsync(desk.submit(asked, parts(outside)), { code: 'ASKED', message: /the name holds ".."/ })
      const large: AskedPart = { type: 'file', path: 'job.mjs', data: new Uint8Array(33 * 1024 * 1024) }
      await t.throwsAsync(desk.submit(asked, parts(large)), { code: 'ASKED', message: /more than 33554432 bytes/ })
      async function* broken(): AsyncGenerator<AskedPart> {
        yield part
        for (let nth = 0; nth < 3; nth++) yield { type: 'input', data: Buffer.alloc(600_000, '1\n') }
        throw new Error('the client went away')
      }
      await t.throwsAsync(desk.submit(asked, broken()), { message: /went away/ })
      // What a client has cut off is cleared away without it.
      for (let tries = 0; tries < 200 && (await site.nats.left()).length > before.length; tries++) await sleep(100)
      t.deepEqual(await site.nats.left(), before)
      t.deepEqual(await desk.jobs(), [])
      await t.throwsAsync(desk.cancel('no such job', ''), { code: 'JOB_UNKNOWN' })
      await t.throwsAsync(allOf(desk, '1-x.>'), { code: 'JOB_UNKNOWN' })
    },
  )

  test.serial(`${how}: slots that no agent can have are refused, before an agent is looked for`, async t => {
    const site = await Site.open(t)
    const desk = await site.desk(how)
    for (const slots of [0, 1.5, -1, 65_537])
      await t.throwsAsync(desk.setSlots('nobody', slots), { code: 'ASKED', message: /^slots: expected .* from 1 to/ })
    await t.throwsAsync(desk.setSlots('nobody', 1), { code: 'AGENT_UNKNOWN' })
  })

  test.serial(`${how}: only so many jobs that have ended are remembered`, async t => {
    const site = await Site.open(t)
    await site.agent()
    const desk = await site.desk(how, { keepJobs: 3 })
    const ids: string[] = []
    for (let nth = 0; nth < 6; nth++) {
      const { id } = await desk.submit({ ...ROOTS, input: { start: 0, end: 10, step: 1 } }, parts())
      await endOf(desk, id)
      ids.push(id)
    }
    const kept = async (): Promise<string[]> => (await desk.jobs()).map(({ id }) => id)
    for (let tries = 0; tries < 50 && (await kept()).length > 3; tries++) await sleep(100)
    t.deepEqual(await kept(), ids.slice(-3))
  })

  test.serial(`${how}: a job of many small outcomes that fail and succeed is what a loop makes of it`, async t => {
    const site = await Site.open(t)
    await site.agent()
    const desk = await site.desk(how)
    const module = moduleOf(
      `${TRIPLE.replace('x * 3', "{ if (x % 7 === 3) throw new Error('no ' + x); return x * 3 }").replace('=> x', '=> x')}`,
    )
    const { id } = await desk.submit(
      { name: 'mixed', ...NODE_JOB, shardSize: 1, input: { start: 0, end: 700, step: 1 } },
      parts(module),
    )
    t.like(await endOf(desk, id), { state: 'done', failed: 100 })
    const { items, failures } = await allOf(desk, id)
    t.deepEqual(
      items,
      Array.from({ length: 700 }, (_, nth) => nth),
    )
    t.deepEqual(
      failures.map(({ index, message }) => [index, message]),
      Array.from({ length: 100 }, (_, nth) => [nth * 7 + 3, `no ${nth * 7 + 3}`]),
    )
  })
}
